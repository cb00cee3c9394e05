"""`lumina staff`: who looks at reports, and decides."""

from __future__ import annotations

import asyncio

import click
from lumina_protocol.fields import username_key

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import Settings, read_settings
from lumina_rt.store import db as store
from lumina_rt.store.queries import query

SET_ROLE = query("moderation.set_role")


@click.command("staff", short_help="Make a user a moderator or an admin, or take it back.")
@click.argument("username")
@click.option("--role", type=click.Choice(["moderator", "admin", "none"]), required=True)
def command(username: str, role: str) -> None:
    """Give USERNAME a role; it holds from the next operation on.

    A moderator reads reports and decides about them; an admin also suspends admins.

    \b
    Examples:
      lumina staff alice --role moderator
      lumina staff alice --role none
    """
    adopt_dev_settings()
    name = asyncio.run(set_role(read_settings(), username, None if role == "none" else role))
    click.echo(f"{name} is {'no staff' if role == 'none' else role} now")


async def set_role(settings: Settings, username: str, role: str | None) -> str:
    """The username as it is kept. Raises ClickException when nobody has it."""
    pool = await store.connect(settings.database_url, size=1)
    try:
        async with store.Db(pool, lambda emitted: None).tx() as tx:
            user = await tx.maybe(SET_ROLE, username_key=username_key(username), role=role)
    finally:
        await pool.close()
    if user is None:
        raise click.ClickException(f"there is no active user {username!r}")
    return str(user["username"])
