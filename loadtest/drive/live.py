"""What one sees while it runs: a table that changes, or a line now and then without a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.live import Live as RichLive
from rich.table import Table

from loadtest.drive.stats import DONE, Stats
from loadtest.drive.target import Sample
from loadtest.screen import Screen

LINE_EVERY_S = 5
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened since the moment before."""

    at_s: float
    """Since the run began."""
    phase: str
    rate: float
    """Operations a second."""
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    connections: int
    node_cpu: float | None
    """Cores."""
    rss: int | None
    """Bytes."""


@dataclass(slots=True)
class Live:
    screen: Screen
    title: str
    phase: str = ""
    began: float = field(default_factory=time.monotonic)
    errors: int = 0
    """In all."""
    _before: Sample | None = None
    _shown: RichLive | None = None
    _line_at: float = 0.0
    _line_of: str = ""
    """The phase of the last line."""

    @contextmanager
    def shown(self) -> Iterator[None]:
        if not self.screen.progress.is_terminal:
            yield
            return
        with RichLive(console=self.screen.progress, refresh_per_second=4, transient=True) as live:
            self._shown = live
            yield
            self._shown = None

    def took(self, stats: Stats, sample: Sample) -> Moment:
        moment = self._moment(stats, sample)
        self.errors += moment.errors
        self._before = sample
        if self._shown:
            self._shown.update(self._table(moment))
        elif sample.at - self._line_at >= LINE_EVERY_S or self._line_of != moment.phase:
            self._line_at, self._line_of = sample.at, moment.phase
            self.screen.line("  " + "  ".join(f"{n} {v}" for n, v in self._cells(moment) if v))
        return moment

    def _moment(self, stats: Stats, sample: Sample) -> Moment:
        before, done = self._before, stats.times[DONE]
        passed = sample.at - (before.at if before else self.began)
        cpu = None
        if before and sample.cpu_s is not None and before.cpu_s is not None:
            cpu = (sample.cpu_s - before.cpu_s) / max(passed, 0.001)
        return Moment(
            sample.at - self.began, self.phase, stats.done / max(passed, 0.001), stats.failed,
            done.quantile_ms(0.5), done.quantile_ms(0.99), stats.connections, cpu, sample.rss,
        )  # fmt: skip

    def _cells(self, moment: Moment) -> list[tuple[str, str]]:
        return [
            ("s", f"{moment.at_s:,.0f}"),
            ("phase", moment.phase),
            ("/s", f"{moment.rate:,.0f}"),
            ("p50", _ms(moment.p50_ms)),
            ("p99", _ms(moment.p99_ms)),
            ("errors", f"{self.errors:,}"),
            ("connections", f"{moment.connections:,}"),
            ("server CPU", "" if moment.node_cpu is None else f"{moment.node_cpu:.0%}"),
            ("RSS", "" if moment.rss is None else f"{moment.rss / MIB:,.0f} MiB"),
        ]

    def _table(self, moment: Moment) -> Table:
        table = Table(title=self.title, title_justify="left")
        cells = self._cells(moment)
        for name, _ in cells:
            table.add_column(name, justify="right")
        table.add_row(*(value for _, value in cells))
        return table


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f} ms"
