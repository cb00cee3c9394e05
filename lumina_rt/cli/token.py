"""`lumina token`: a token for a user, for operators who hold the secret."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from uuid import UUID

import click
from lumina_protocol.fields import username_key, uuid7

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import Settings, read_settings
from lumina_rt.store import db as store
from lumina_rt.store.queries import query
from lumina_rt.tokens import AccessTokens

BY_USERNAME = query("accounts.by_username")
OPEN = query("sessions.open")


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
    user_id, session_id = asyncio.run(log_in(settings, username, timedelta(hours=hours)))
    token, _ = AccessTokens(settings.secrets, hours * 3600).issue(user_id, session_id)
    click.echo(token)


async def log_in(settings: Settings, username: str, ttl: timedelta) -> tuple[UUID, UUID]:
    """The user, and a login that they see in their list, and may end."""
    pool = await store.connect(settings.database_url, size=1)
    try:
        async with store.Db(pool, lambda emitted: None).tx() as tx:
            user = await tx.maybe(BY_USERNAME, username_key=username_key(username))
            if user is None:
                raise click.ClickException(f"there is no active user {username!r}")
            opened = {"opened_id": uuid7(), "user_id": user["user_id"]}
            nobody_has_it = os.urandom(32)
            await tx.run(
                OPEN, device_id=None, address=None, ttl=ttl, token_digest=nobody_has_it, **opened
            )
    finally:
        await pool.close()
    return opened["user_id"], opened["opened_id"]
