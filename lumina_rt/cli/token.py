"""`lumina token`: a token for a user, for operators who hold the secret."""

from __future__ import annotations

import asyncio
from uuid import UUID

import click
from lumina_protocol.fields import username_key

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import Settings, read_settings
from lumina_rt.credentials import Tokens
from lumina_rt.store import db as store
from lumina_rt.store.queries import query

BY_USERNAME = query("accounts.by_username")


@click.command("token", short_help="Print a token for a user.")
@click.argument("username")
@click.option("--hours", type=click.IntRange(1, 24 * 365), default=24, show_default=True)
def command(username: str, hours: int) -> None:
    """Print a token that logs in as USERNAME, signed with LUMINA_SECRET.

    \b
    Example:
      lumina token alice --hours 1
    """
    adopt_dev_settings()
    settings = read_settings()
    user_id = asyncio.run(find(settings, username))
    token, _ = Tokens(settings.secret.get_secret_value(), hours * 3600).issue(user_id)
    click.echo(token)


async def find(settings: Settings, username: str) -> UUID:
    pool = await store.connect(settings.database_url, size=1)
    try:
        async with store.Db(pool, lambda emitted: None).read() as tx:
            user = await tx.maybe(BY_USERNAME, username_key=username_key(username))
    finally:
        await pool.close()
    if user is None:
        raise click.ClickException(f"there is no active user {username!r}")
    user_id: UUID = user["user_id"]
    return user_id
