"""`lumina keys`: change the keys of LUMINA_ENCRYPTION_KEYS while nodes run."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import Settings, read_settings
from lumina_rt.keyring import KEY_BYTES, Keyring
from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.workers.rotation import PLACES, TOGETHER, Done, count, rotate

HINT = """\
For the first key of an installation, this is all. To change the key, while nodes run:
  1. put it behind the old one on every node:   old:...,new:...
  2. put it first on every node:                new:...,old:...
  3. run: lumina keys rotate"""


@click.group("keys", short_help="Change what is encrypted with.")
def command() -> None:
    """The keys that encrypt what the database must not be able to read, LUMINA_ENCRYPTION_KEYS.

    \b
    Examples:
      lumina keys new
      lumina keys rotate
      lumina keys status
    """


@command.command("new")
def new() -> None:
    """Print a new key, as a line for the settings. It is kept nowhere."""
    name = f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    click.echo(f"LUMINA_ENCRYPTION_KEYS={name}:{secrets.token_hex(KEY_BYTES)}")
    click.echo(HINT, err=True)


@command.command("status")
def status() -> None:
    """Count what is under which key, and say which keys may go."""
    adopt_dev_settings()
    settings = read_settings()
    _report(asyncio.run(_count(settings)), settings.keyring())


@command.command("rotate")
def rotate_command() -> None:
    """Encrypt again, under the first key, what is under another one.

    Safe while nodes run, and to be stopped and started again. It says what is left at the end, and
    exits with 1 when something could not be opened.
    """
    adopt_dev_settings()
    settings = read_settings()
    problems = asyncio.run(_rotate(settings))
    _report(asyncio.run(_count(settings)), settings.keyring())
    for problem, values in problems.items():
        click.echo(f"not opened: {values:,} ({problem})", err=True)
    if problems:
        sys.exit(1)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Db]:
    pool = await store.connect(settings.database_url, size=TOGETHER)
    try:
        yield Db(pool, lambda emitted: None)
    finally:
        await pool.close()


async def _count(settings: Settings) -> dict[str, dict[bytes, int]]:
    async with _database(settings) as db:
        return await count(db)


async def _rotate(settings: Settings) -> Counter[str]:
    problems: Counter[str] = Counter()
    columns = (
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    console = Console(stderr=True)
    async with _database(settings) as db:
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            for place in PLACES:
                line = progress.add_task(place.column, total=1, said="looking")

                def tell(done: Done, line: TaskID = line) -> None:
                    progress.update(line, said=f"{done.changed:,} of {done.found:,}")

                problems += (await rotate(db, settings.keyring(), place, tell)).problems
    return problems


def _report(counted: dict[str, dict[bytes, int]], keyring: Keyring) -> None:
    names = {key.head: key.name for key in keyring.keys}
    heads = [*names, *sorted({head for heads in counted.values() for head in heads} - set(names))]
    grid = Table(box=None, header_style="bold", pad_edge=False)
    grid.add_column("what", no_wrap=True)
    for head in heads:
        grid.add_column(names.get(head, head[1:].hex()), justify="right", no_wrap=True)
    for place, values in counted.items():
        grid.add_row(place, *(f"{values.get(head, 0):,}" for head in heads))
    Console().print(grid)
    totals = {head: sum(values.get(head, 0) for values in counted.values()) for head in heads}
    for line in verdicts(totals, names, keyring.first.head):
        click.echo(line)


def verdicts(totals: dict[bytes, int], names: dict[bytes, str], first: bytes) -> list[str]:
    """A sentence for each key but the first."""
    lines = []
    for head, total in totals.items():
        name = names.get(head)
        if head == first:
            lines.append(f"{name}: encrypts")
        elif name is None:
            lines.append(f"{head[1:].hex()}: {total:,} values cannot be read; its key is missing")
        elif total:
            lines.append(f"{name}: {total:,} values are left; run: lumina keys rotate")
        else:
            lines.append(f"{name}: nothing is under it; when no node has it first, it may go")
    return lines
