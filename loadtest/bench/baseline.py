"""What was measured before, and what is worse now beyond the noise of it."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("baseline.json")
MARGIN = 1.15
"""A ratio is worse when its median is so much above the highest that the baseline has seen."""
COUNT_MARGIN = 1.03
"""Instructions hardly move."""
Ratios = dict[str, list[float]]
Counts = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Baseline:
    ratios: Ratios
    """Of each round that was run for it."""
    counts: Counts
    python: str
    """The counts are of this version."""

    @classmethod
    def of(cls, rounds: Sequence[Mapping[str, float]], counts: Counts) -> Baseline:
        return cls(columns(rounds), counts, platform.python_version())

    @classmethod
    def read(cls, file: Path) -> Baseline | None:
        """Raises ValueError or KeyError when the file is damaged."""
        if not file.exists():
            return None
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return cls(found["ratios"], found["instructions"], found["python"])

    def write(self, file: Path) -> None:
        rounded = {name: [round(v, 4) for v in values] for name, values in self.ratios.items()}
        counts = {name: round(value, 1) for name, value in self.counts.items()}
        document = {"python": self.python, "ratios": rounded, "instructions": counts}
        file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    now: float
    before: float | None
    lowest: float | None
    highest: float | None
    limit: float | None
    """Above it, it is worse."""

    @property
    def worse(self) -> bool:
        return self.limit is not None and self.now > self.limit


def columns(rounds: Sequence[Mapping[str, float]]) -> Ratios:
    return {name: [one[name] for one in rounds] for name in rounds[0]} if rounds else {}


def compared(now: Baseline, before: Baseline | None) -> tuple[list[Row], list[Row]]:
    """Ratios, and instructions: without a baseline of the same kind, beside nothing."""
    ratios = [
        _row(name, statistics.median(values), before.ratios.get(name) if before else None, MARGIN)
        for name, values in now.ratios.items()
    ]
    known = before.counts if before and before.python == now.python else {}
    counts = [
        _row(name, value, [known[name]] if name in known else None, COUNT_MARGIN)
        for name, value in now.counts.items()
    ]
    return ratios, counts


def _row(name: str, now: float, before: Sequence[float] | None, margin: float) -> Row:
    if not before:
        return Row(name, now, None, None, None, None)
    highest = max(before)
    return Row(name, now, statistics.median(before), min(before), highest, highest * margin)
