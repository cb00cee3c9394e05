"""What one sees: progress on stderr while it runs, the result on stdout."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a result. `digits` are those after the point; None as a value is unknown."""

    name: str
    unit: str
    value: float | None
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, and what was wrong, in sentences."""

    figures: list[Figure]
    faults: list[str]


class Screen:
    """Steps with their times, bars for what can be counted, one table at the end."""

    def __init__(self) -> None:
        self.progress = Console(stderr=True, highlight=False)
        self.results = Console(highlight=False)

    def line(self, text: str) -> None:
        self.progress.print(text, soft_wrap=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        with self.progress.status(what):
            yield
        self.line(f"  {what:<42} {time.monotonic() - began:6.1f} s")

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Advance]:
        """The block tells how far it has come, as often as it likes."""
        columns = TextColumn("  {task.description:<42}"), BarColumn(), TimeElapsedColumn()
        if not self.progress.is_terminal:
            with self.step(what):
                yield lambda done: None
            return
        with Progress(*columns, console=self.progress) as shown:
            task = shown.add_task(what, total=total)
            yield lambda done: shown.update(task, completed=done)

    def table(self, title: str, runs: Sequence[Sequence[Figure]]) -> None:
        """A column for each run, and their median when there are several."""
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for number in range(1, len(runs) + 1):
            table.add_column(f"run {number}" if len(runs) > 1 else "result", justify="right")
        if len(runs) > 1:
            table.add_column("median", justify="right", style="bold")
        table.add_column("unit")
        for same in zip(*runs, strict=True):
            table.add_row(same[0].name, *_cells(same), same[0].unit)
        self.results.print(table)


def _cells(same: Sequence[Figure]) -> list[str]:
    values = [figure.value for figure in same]
    if len(values) > 1:
        known = [value for value in values if value is not None]
        values.append(statistics.median(known) if known else None)
    return ["?" if value is None else f"{value:,.{same[0].digits}f}" for value in values]
