"""`lumina media`: what operators do with uploads and what was made of them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

import click
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lumina_rt.blobs.opening import open_blobs
from lumina_rt.cli.adopt import adopt_dev_settings
from lumina_rt.config import Settings, read_settings
from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.workers.media_check import KINDS, NO_ROW, MediaCheck, Report

HOUR_S = 3600


@click.group("media", short_help="Look after uploads and pictures.")
def command() -> None:
    """Uploads, and what was made of them.

    \b
    Examples:
      lumina media check
      lumina media check --fix
    """


@command.command("check", short_help="Compare the table of media with the files.")
@click.option("--fix", is_flag=True, help="Remove files that no row names.")
@click.option("--grace", "hours", type=click.IntRange(1), default=24, show_default=True,
              metavar="HOURS", help="Leave alone what is younger.")  # fmt: skip
def check(fix: bool, hours: int) -> None:
    """Compare the table of media with the folder LUMINA_BLOB_DIR, or the bucket.

    It finds files that no row names, uploads without bytes, variants that are lost, and files of
    another size; the running nodes are not disturbed. --fix removes the files that no row names,
    and nothing else: what is lost comes back from a backup, or is uploaded again. Exits with 1 when
    something is wrong and was not mended.

    \b
    Examples:
      lumina media check
      lumina media check --fix
      lumina media check --fix --grace 72
    """
    adopt_dev_settings()
    report = asyncio.run(_check(read_settings(), fix=fix, grace_s=hours * HOUR_S))
    Console().print(table(report))
    for kind, wrong in report.wrong.items():
        if wrong.examples:
            click.echo(f"{kind}, for example:")
            for example in wrong.examples:
                click.echo(f"  {example}")
    for line in notes(report, hours):
        click.echo(line)
    if left(report):
        sys.exit(1)


async def _check(settings: Settings, *, fix: bool, grace_s: float) -> Report:
    """Raises StoreUnreachable, Unavailable."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    async with AsyncExitStack() as stack:
        pool = await store.connect(settings.database_url, size=1)
        stack.push_async_callback(pool.close)
        db = Db(pool, lambda emitted: None)
        blobs = await open_blobs(settings, stack)
        click.echo(f"looking through {blobs.where}", err=True)
        bar = stack.enter_context(
            Progress(*columns, console=console, disable=not console.is_terminal)
        )
        line = bar.add_task("", total=None)

        def progress(report: Report) -> None:
            bar.update(line, description=f"{report.files:,} files, {report.rows:,} rows")

        return await MediaCheck(db, blobs, grace_s, fix, progress).run()


def table(report: Report) -> Table:
    grid = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "what", "found", "bytes"):
        right = column in ("found", "bytes")
        grid.add_column(column, justify="right" if right else "left", no_wrap=True)
    for kind in KINDS:
        wrong = report.wrong[kind]
        mark = "[red]no" if wrong.count else "[green]ok"
        grid.add_row(mark, kind, f"{wrong.count:,}", f"{wrong.size:,}")
    return grid


def left(report: Report) -> int:
    """How much is wrong, and was not mended."""
    return sum(wrong.count for wrong in report.wrong.values()) - report.removed


def notes(report: Report, hours: int) -> list[str]:
    lines = [f"compared: {report.files:,} files, {report.rows:,} rows"]
    if report.young:
        lines.append(f"left alone: {report.young:,} that no row names, younger than {hours} hours")
    if report.going:
        lines.append(f"left to the nodes: {report.going:,} that they remove")
    if report.removed:
        lines.append(f"removed: {report.removed:,} that no row named")
    if not (wrong := left(report)):
        return [*lines, "nothing is wrong" if not report.removed else "nothing else is wrong"]
    hint = "; mend with: lumina media check --fix" if wrong == report.wrong[NO_ROW].count else ""
    return [*lines, f"wrong: {wrong:,}{hint}"]
