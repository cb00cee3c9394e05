"""`python -m loadtest bench`, which `make bench` runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from loadtest import descriptors, floor, interrupt
from loadtest.bench import ratios
from loadtest.bench.baseline import FILE, Baseline, Row, compared
from loadtest.bench.instructions import Counts, count
from loadtest.bench.theatre import Theatre, theatre
from loadtest.errors import CannotStart, LoadTestError
from loadtest.screen import Screen

ON_NODES = {measure.__name__: measure for measure in ratios.ON_NODES}
BY_THEMSELVES = {measure.__name__: measure for measure in ratios.BY_THEMSELVES}
MEASURES = (*ON_NODES, *BY_THEMSELVES)
COUNTS = "instructions"


class Worse(LoadTestError):
    """Something costs more than it did, beyond the noise."""


@click.command(short_help="Ratios for every change, beside a stored baseline.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option(
    "--rows", type=(int, int), default=(10_000, 100_000), show_default=True,
    help="Messages in the small table and in the big one.",
)  # fmt: skip
@click.option(
    "--baseline", type=click.Path(dir_okay=False, path_type=Path), default=FILE,
    help="Another file than the one beside the code.",
)  # fmt: skip
@click.option("--write", is_flag=True, help="Make what is measured the baseline. Not compared.")
@click.option(
    "--only", type=click.Choice([*MEASURES, COUNTS]), multiple=True, help="Several times; else all."
)
def bench(
    rounds: int, rows: tuple[int, int], baseline: Path, write: bool, only: tuple[str, ...]
) -> None:
    """Ratios of things that are measured side by side, and instructions; lower is better in all.

    Exit code 1 when a median is more than 15 % above the highest that the baseline has seen, or
    a count of instructions more than 3 % above it.

    \b
    Examples:
      python -m loadtest bench
      python -m loadtest bench --write --rounds 8
      python -m loadtest bench --only fan_out --rounds 5 --rows 10000 1000000
    """
    screen, wanted = Screen(), only or (*MEASURES, COUNTS)
    before = None if write else Baseline.read(baseline)
    counts = _counts(screen) if COUNTS in wanted else {}
    chosen = [measure for name, measure in ON_NODES.items() if name in wanted]
    small = [measure for name, measure in BY_THEMSELVES.items() if name in wanted]
    measured = _rounds(screen, chosen, rounds, rows) if chosen else [{} for _ in range(rounds)]
    for found in measured:
        for measure in small:
            found.update(measure())
    now = Baseline.of(measured, counts)
    if write:
        now.write(baseline)
    rows_of = compared(now, before)
    for title, some in zip(("ratio", "instructions"), rows_of, strict=True):
        if some:
            screen.results.print(_table(title, some))
    if worse := [row.name for some in rows_of for row in some if row.worse]:
        raise Worse("worse beyond the noise\n  " + "\n  ".join(worse))


def _counts(screen: Screen) -> Counts:
    try:
        with screen.step("counting instructions"):
            return count()
    except CannotStart as error:
        screen.line(f"  left out: {error}")
        return {}


def _rounds(
    screen: Screen, chosen: Sequence[ratios.Measure], rounds: int, rows: tuple[int, int]
) -> list[ratios.Ratios]:
    descriptors.allow(ratios.RECEIVERS)
    floor.require_compiler()
    with theatre(screen, *rows) as stage:
        return [_round(screen, chosen, stage, n, rounds) for n in range(1, rounds + 1)]


def _round(
    screen: Screen, chosen: Sequence[ratios.Measure], stage: Theatre, number: int, rounds: int
) -> ratios.Ratios:
    screen.line(f"round {number} of {rounds}, load average {os.getloadavg()[0]:.2f}")
    found: ratios.Ratios = {}
    for measure in chosen:
        for name, ratio in interrupt.run(measure(stage, screen)).items():
            screen.line(f"    {name}: {ratio:.2f}")
            found[name] = ratio
    return found


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title_justify="left")
    table.add_column(title)
    for head in ("now", "before", "lowest", "highest"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        cells = (row.now, row.before, row.lowest, row.highest)
        digits = 2 if title == "ratio" else 0
        shown = ("" if cell is None else f"{cell:,.{digits}f}" for cell in cells)
        verdict = "[red]worse[/]" if row.worse else "" if row.limit else "new"
        table.add_row(row.name, *shown, verdict)
    return table
