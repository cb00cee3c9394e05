"""`lumina migrate`: bring the schema up to this version."""

from __future__ import annotations

import asyncio

import click

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import read_database_url
from lumina_rt.store import migrate


@click.command("migrate", short_help="Apply the migrations that are missing.")
@click.option("--check", is_flag=True, help="Only say what is missing; exit with 1 if anything is.")
def command(check: bool) -> None:
    """Apply the migrations that are missing to LUMINA_DATABASE_URL.

    Safe to run from many places at once: one works, the others wait for it. It logs in as the
    owner of the schema; nodes need less, and should log in as lumina_writer.

    \b
    Example:
      lumina migrate --check || lumina migrate
    """
    adopt_dev_settings(as_owner=True)
    url = read_database_url()
    if check:
        status = asyncio.run(migrate.check(url))
        if status.pending:
            raise click.ClickException(f"missing: {', '.join(status.pending)}; run: lumina migrate")
        click.echo(f"nothing is missing; the schema is at {status.level}")
    else:
        status = asyncio.run(migrate.migrate(url, tell=click.echo))
        click.echo(f"the schema is at {status.level}")
