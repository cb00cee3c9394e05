"""`python -m loadtest data`: progress on stderr, the table of what was filled on stdout."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from loadtest import interrupt
from loadtest.data.copy import Filled, Tell
from loadtest.data.fill import fill
from loadtest.data.scale import Scale
from loadtest.screen import Screen
from lumina_rt.dev import engines
from lumina_rt.store.migrate import migrate

MIB = 1024 * 1024


def run(scale: Scale, database_url: str | None) -> None:
    """Without a URL, into engines of its own that are gone afterwards. Raises what `fill` does."""
    screen = Screen()
    with ExitStack() as stack:
        dsn = database_url or stack.enter_context(_own_database(screen))
        began = time.monotonic()
        with _progress(screen) as tell:
            filled = interrupt.run(fill(dsn, scale, tell))
        _show(screen, filled, time.monotonic() - began)


@contextmanager
def _own_database(screen: Screen) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="lumina-loadtest-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the engines run as another user, who must get in
        with screen.step("starting Postgres and Valkey"):
            started = engines.start(folder / "home")
        try:
            with screen.step("applying migrations"):
                asyncio.run(migrate(started.database_url()))
            yield started.database_url()
        finally:
            started.stop()


@contextmanager
def _progress(screen: Screen) -> Iterator[Tell]:
    """A line for each table, with its rows and rows/s. Without a terminal, nothing."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        TimeElapsedColumn(),
        TextColumn("{task.completed:>12,.0f} rows {task.fields[rate]:>10,.0f} rows/s"),
    )
    began: dict[str, tuple[int, float]] = {}
    with Progress(*columns, console=screen.progress, disable=not screen.progress.is_terminal) as p:

        def tell(table: str, rows: int) -> None:
            if table not in began:
                for task, _ in began.values():
                    p.stop_task(p.tasks[task].id)
                began[table] = p.add_task(table, total=None, rate=0), time.monotonic()
            task, since = began[table]
            rate = rows / max(time.monotonic() - since, 0.001)
            p.update(p.tasks[task].id, completed=rows, rate=rate)

        yield tell


def _show(screen: Screen, filled: list[Filled], seconds: float) -> None:
    table = Table(title="What was filled", title_justify="left")
    table.add_column("table")
    for name in ("rows", "MiB", "seconds", "rows/s"):
        table.add_column(name, justify="right")
    copying = sum(one.seconds for one in filled)
    rows, size = sum(one.rows for one in filled), sum(one.size for one in filled)
    for one in [*filled, Filled("all of it", rows, copying, size)]:
        table.add_row(one.table, f"{one.rows:,}", f"{one.size / MIB:,.1f}", f"{one.seconds:,.1f}",
                      f"{one.rows / max(one.seconds, 0.001):,.0f}")  # fmt: skip
    screen.results.print(table)
    screen.line(f"  {seconds:,.1f} s with preparing, vacuum and analyze")
