"""What a process of users has counted since it was last asked."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Self

from loadtest.drive.histogram import Histogram

DONE = "operation"
"""The label of what the pace sets off, from the moment at which it was due to its end."""
DELIVERY = "to delivery"
"""From the moment at which a message was due to be sent to its event at somebody else."""


@dataclass(slots=True)
class Stats:
    """Sums; those of several processes, or of several moments, can be added up."""

    times: defaultdict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    errors: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    """Ready ones, at that moment."""
    cpu_s: float = 0.0
    """Of the process of users itself."""

    def took(self, label: str, since: float) -> None:
        """`since` by time.monotonic()."""
        self.times[label].record(time.monotonic() - since)

    def add(self, later: Stats) -> Self:
        """Those of the same process, at a later moment."""
        for label, histogram in later.times.items():
            self.times[label].add(histogram)
        self.errors.update(later.errors)
        self.counts.update(later.counts)
        self.cpu_s += later.cpu_s
        self.connections = later.connections
        return self

    @property
    def done(self) -> int:
        return self.times[DONE].count

    @property
    def failed(self) -> int:
        return self.errors.total()


def together(each: list[Stats]) -> Stats:
    """Of several processes at the same moment."""
    total = Stats()
    for stats in each:
        total.add(stats)
    total.connections = sum(stats.connections for stats in each)
    return total
