"""`lumina recount`: compare the counters with what they count, and mend them."""

from __future__ import annotations

import asyncio
import sys

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import read_database_url
from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.workers.counters import COUNTERS, Comparison, Counters, compare, may_mend

OTHER = "another `lumina recount --fix` is running; try again when it has ended"


@click.command("recount", short_help="Compare the counters with what they count.")
@click.option("--fix", is_flag=True, help="Mend what is wrong.")
@click.option("--fold", is_flag=True, help="Add what is pending now, as a running node would.")
@click.option("--counter", "counters", multiple=True, type=click.Choice(COUNTERS), metavar="NAME",
              help="Only this one, for example posts.comment_count; may be repeated.")  # fmt: skip
def command(fix: bool, fold: bool, counters: tuple[str, ...]) -> None:
    """Compare the counters of LUMINA_DATABASE_URL with the rows that they count.

    Each counter is compared in one snapshot, with what is pending for it, so the answer is exact
    while nodes run, and nobody is locked out. --fix adds the differences to what is pending; the
    running nodes add that to the counters within a second. Exits with 1 when something is wrong
    and was not mended.

    \b
    Examples:
      lumina recount
      lumina recount --counter posts.comment_count --counter comments.reply_count
      lumina recount --fix
      lumina recount --fix --fold      (when no node is running)
    """
    adopt_dev_settings()
    url = read_database_url()
    found = asyncio.run(recount(url, counters or COUNTERS, fix=fix, fold=fold))
    Console().print(table(found))
    for comparison in found:
        for line in examples(comparison):
            click.echo(line)
    wrong = sum(comparison.wrong for comparison in found)
    click.echo(verdict(wrong, fix=fix, fold=fold))
    if wrong and not fix:
        sys.exit(1)


async def recount(
    url: str, counters: tuple[str, ...], *, fix: bool, fold: bool
) -> list[Comparison]:
    """Raises StoreUnreachable, or ClickException when another recount mends at the moment."""
    pool = await store.connect(url, size=1)
    try:
        db = Db(pool, lambda emitted: None)
        found = await _compare_all(db, counters, fix=fix)
        while fold and await Counters(db).turn():
            pass
        return found
    finally:
        await pool.close()


async def _compare_all(db: Db, counters: tuple[str, ...], *, fix: bool) -> list[Comparison]:
    """A transaction each, so that what is mended is folded while others are compared."""
    found = []
    columns = (
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        for counter in counters:
            line = progress.add_task(counter, total=1, said="comparing")
            async with db.tx() as tx:
                if fix and not await may_mend(tx):
                    raise click.ClickException(OTHER)
                comparison = await compare(tx, counter, fix=fix)
            said = f"{comparison.compared:,} compared, {comparison.wrong:,} wrong"
            progress.update(line, completed=1, said=said)
            found.append(comparison)
    return found


def table(found: list[Comparison]) -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "counter", "compared", "wrong", "difference"):
        right = column in ("compared", "wrong", "difference")
        grid.add_column(column, justify="right" if right else "left", no_wrap=True)
    for one in found:
        mark = "[red]no" if one.wrong else "[green]ok"
        difference = f"{one.difference:+,}" if one.wrong else "0"
        grid.add_row(mark, one.counter, f"{one.compared:,}", f"{one.wrong:,}", difference)
    return grid


def examples(comparison: Comparison) -> list[str]:
    """The worst: whose counter, what it says and what it should say."""
    if not comparison.wrong:
        return []
    return [
        f"{comparison.counter}, the worst:",
        *(
            f"  {e.subject_id}{f' option {e.part}' if e.part else ''}: "
            f"{e.value:,}, should be {e.truth:,}"
            for e in comparison.examples
        ),
    ]


def verdict(wrong: int, *, fix: bool, fold: bool) -> str:
    if not wrong:
        return "nothing is wrong"
    many = "1 count" if wrong == 1 else f"{wrong:,} counts"
    if not fix:
        return f"wrong: {many}; mend with: lumina recount --fix"
    if fold:
        return f"mended: {many}"
    return f"to be mended: {many}; the running nodes do it within a second (or use --fold)"
