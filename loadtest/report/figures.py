"""The numbers of a run, from what was counted and what the server has used."""

from __future__ import annotations

from loadtest.drive.histogram import Histogram
from loadtest.drive.run import CONNECT, LOAD, Phase, Run
from loadtest.drive.scene import Scenario
from loadtest.drive.stats import DELIVERY, DONE
from loadtest.screen import Figure

KIB, MIB = 1024, 2**20
US = 1e6
ENOUGH = 2000
"""Delays of which the slowest thousandth is more than one or two."""
TICKS_S = 0.5
"""CPU time below which its steps of 10 ms are more than 2 % of it."""


def figures(scenario: Scenario, run: Run) -> list[Figure]:
    load = run.phases[LOAD]
    found = _rates(scenario, run, load)
    found += _costs(scenario.unit, load)
    if CONNECT in run.phases:
        found += _connecting(run.phases[CONNECT])
    found += _memory(run)
    for name, phase in run.phases.items():
        if name not in (LOAD, CONNECT, "warm-up", "talk") and not name.startswith("step "):
            found.append(Figure(f"time of {LOAD} : {name}", "x", load.wall_s / phase.wall_s))
    for label in sorted(load.stats.times):
        found += _delays(scenario.unit if label == DONE else label, load.stats.times[label])
    return found


def too_short(run: Run) -> str | None:
    """What to say when the CPU of the load is too little to be divided."""
    spent = run.phases[LOAD].node_s
    if spent is None or spent >= TICKS_S:
        return None
    return f"only {spent:.2f} s of server CPU: use more --seconds for steady figures of cost"


def _rates(scenario: Scenario, run: Run, load: Phase) -> list[Figure]:
    found = []
    if run.limit is not None:
        found.append(Figure("highest rate that was held", "/s", run.limit, 0))
    found += [
        Figure(f"{scenario.unit}s", "/s", load.stats.done / (load.busy_s or load.wall_s), 0),
        Figure(f"{scenario.unit}s in all", "", load.stats.done, 0),
        Figure("errors", "", load.stats.failed, 0),
        Figure("time", "s", load.busy_s or load.wall_s, 1),
    ]
    return found


def _costs(unit: str, load: Phase) -> list[Figure]:
    done, delivered = load.stats.done, load.stats.times[DELIVERY].count
    if not done:
        return [Figure("node CPU", "%", _each(load.node_s, load.wall_s, 100))]
    found = [
        Figure(f"node CPU per {unit}", "us", _each(load.node_s, done, US), 0),
        Figure(f"Postgres CPU per {unit}", "us", _each(load.postgres_s, done, US), 0),
        Figure(f"CPU of the users per {unit}", "us", _each(load.stats.cpu_s, done, US), 0),
    ]
    if delivered > done:
        found.append(Figure("node CPU per delivery", "us", _each(load.node_s, delivered, US), 1))
    return found


def _connecting(phase: Phase) -> list[Figure]:
    count = phase.stats.connections
    return [
        Figure("connect and auth", "/s", count / phase.wall_s, 0),
        Figure("node CPU per connect and auth", "us", _each(phase.node_s, count, US), 0),
    ]


def _memory(run: Run) -> list[Figure]:
    for phase in run.phases.values():
        if phase.rss_before is not None and phase.rss_after is not None:
            grown = phase.rss_after - phase.rss_before
            return [
                Figure("RSS per connection", "KiB", _each(grown, phase.stats.connections, 1 / KIB)),
                Figure("RSS before", "MiB", phase.rss_before / MIB, 1),
                Figure("RSS with all connections", "MiB", phase.rss_after / MIB, 1),
            ]
    return []


def _delays(label: str, times: Histogram) -> list[Figure]:
    if not times.count:
        return []
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    if times.count >= ENOUGH:
        shares["p99.9"] = 0.999
    return [
        Figure(f"{label}, {name}", "ms", times.quantile_ms(share), 1)
        for name, share in shares.items()
    ]


def _each(total: float | None, count: float, factor: float) -> float | None:
    return None if total is None or not count else total / count * factor
