"""The report as JSON: all that the page shows, and the buckets of every delay."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal

from loadtest.drive.histogram import Histogram
from loadtest.drive.play import Played, Setup
from loadtest.drive.run import LOAD
from loadtest.drive.scene import Scenario
from loadtest.drive.stats import DONE
from loadtest.errors import CannotStart
from loadtest.report.figures import figures
from loadtest.screen import Figure

SCHEMA = "lumina-loadtest/1"
"""The number changes when a field changes its meaning or goes; fields may come without that."""
Document = Mapping[str, Any]


def document(scenario: Scenario, setup: Setup, played: Played) -> Document:
    load = played.run.phases[LOAD]
    return {
        "schema": SCHEMA,
        "scenario": scenario.name,
        "about": cleandoc(scenario.__doc__ or ""),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("lumina-rt"),
        "options": {
            "users": setup.users, "processes": setup.processes,
            "nodes": len(played.run.target.urls), **asdict(setup.pace), **scenario.chosen,
        },
        "machine": {
            "cores": os.cpu_count(), "python": platform.python_version(),
            "kernel": platform.release(), "load_average": os.getloadavg()[0],
        },
        "figures": [asdict(figure) for figure in figures(scenario, played.run)],
        "delays": {
            scenario.unit if label == DONE else label: sorted(times.counts.items())
            for label, times in load.stats.times.items() if times.count
        },
        "timeline": [asdict(moment) for moment in played.run.timeline],
        "errors": _of_all_phases(played, "errors"),
        "counts": _of_all_phases(played, "counts"),
        "faults": played.faults,
    }  # fmt: skip


def _of_all_phases(played: Played, what: Literal["errors", "counts"]) -> dict[str, int]:
    """Those of the load without its name."""
    found = {}
    for name, phase in played.run.phases.items():
        counter = phase.stats.errors if what == "errors" else phase.stats.counts
        for kind, times in counter.items():
            found[kind if name == LOAD else f"{name}: {kind}"] = times
    return found


def save(report: Document, path: Path) -> None:
    path.write_text(json.dumps(report, indent=1) + "\n")


def load(path: Path) -> Document:
    """Raises CannotStart when it is no report that can be read."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path} cannot be read as a report: {error}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise CannotStart(f"{path} is no report of the schema {SCHEMA}")
    return found


def figures_of(report: Document) -> list[Figure]:
    return [Figure(**figure) for figure in report["figures"]]


def delays_of(report: Document) -> dict[str, Histogram]:
    return {label: Histogram(dict(counts)) for label, counts in report["delays"].items()}


def beside(
    report: Document, against: Document | None
) -> Sequence[tuple[Figure, float | None, float | None]]:
    """Each figure, the same of the earlier report, and their ratio."""
    earlier = {
        (figure.name, figure.unit): figure.value
        for figure in figures_of(against or {"figures": []})
    }
    rows = []
    for figure in figures_of(report):
        before = earlier.get((figure.name, figure.unit))
        known = figure.value is not None and before
        rows.append((figure, before, figure.value / before if known and before else None))  # type: ignore[operator]
    return rows
