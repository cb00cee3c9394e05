"""`python -m loadtest flatness`: sends and pages, in databases of several sizes side by side."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
from lumina_protocol.feed import HomeFeed
from lumina_protocol.messages import ReadHistory
from rich.table import Table

from loadtest import interrupt
from loadtest.flatness.grown import PAGE, Grown, Reader, grown, message, readers
from loadtest.flatness.plot import plot
from loadtest.screen import Screen
from loadtest.usage import Usage, family_cpu_s

ROWS = (10_000, 100_000)
COLD, BLOCK = 40, 50
"""Operations that warm up a size, and those of one round."""


async def send(reader: Reader, drawn: random.Random) -> None:
    await reader.link.call(message(reader.writes_to))


async def history(reader: Reader, drawn: random.Random) -> None:
    """A page somewhere in a conversation."""
    where, last = drawn.choice(reader.talks)
    before = drawn.randint(PAGE, last)
    await reader.link.call(ReadHistory(conversation_id=where, before_seq=before, limit=PAGE))


async def feed(reader: Reader, drawn: random.Random) -> None:
    """The newest page of the home feed."""
    await reader.link.call(HomeFeed(limit=PAGE))


WORKS: dict[str, Callable[[Reader, random.Random], Awaitable[None]]] = {
    "message sent": send,
    "page of history": history,
    "page of the feed": feed,
}


@dataclass(slots=True)
class Cost:
    """Of one operation in a database of one size."""

    times_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    """Of the node and of Postgres."""

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / len(self.times_ms) * 1e6


Costs = dict[str, dict[int, Cost]]
"""By operation, and by rows."""


@click.command(short_help="What sends and pages cost as the tables grow.")
@click.option(
    "--rows", type=click.IntRange(2_000, 100_000_000), multiple=True, default=ROWS,
    show_default=True, help="Messages, and as many posts; several times.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 100), default=8, show_default=True)
@click.option(
    "--svg", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write a plot into this file.",
)  # fmt: skip
def flatness(rows: Sequence[int], rounds: int, svg: Path | None) -> None:
    """A message sent, a page of history and a page of the home feed, in databases of several
    sizes: the delay (p50), and CPU of the node and of Postgres. All sizes live side by side and
    are measured in turns. A million messages and posts take 2.3 GB and 8 minutes to make.

    \b
    Examples:
      python -m loadtest flatness
      python -m loadtest flatness --rows 10000 --rows 1000000 --rounds 20 --svg flatness.svg
    """
    screen, sizes = Screen(), sorted(set(rows))
    with ExitStack() as stack:
        databases = [stack.enter_context(grown(screen, size)) for size in sizes]
        costs = interrupt.run(measure(databases, rounds, screen))
    screen.results.print(_table(costs, sizes))
    if svg:
        svg.write_text(plot({name: _ratios(of, sizes) for name, of in costs.items()}))
        screen.line(f"  the plot is in {svg}")


async def measure(databases: Sequence[Grown], rounds: int, screen: Screen) -> Costs:
    """Raises LoadTestError, LuminaError or OSError."""
    costs: Costs = {name: {of.rows: Cost() for of in databases} for name in WORKS}
    drawn = random.Random(1)
    async with AsyncExitStack() as stack:
        people = {of.rows: await stack.enter_async_context(readers(of)) for of in databases}
        for of in databases:
            for name in WORKS:
                await _block(of, people[of.rows], name, Cost(), drawn, COLD)
        for number in range(1, rounds + 1):
            screen.line(f"round {number} of {rounds}, load average {os.getloadavg()[0]:.2f}")
            for name in WORKS:
                for of in drawn.sample(databases, len(databases)):
                    await _block(of, people[of.rows], name, costs[name][of.rows], drawn, BLOCK)
    return costs


async def _block(
    of: Grown, people: Sequence[Reader], name: str, cost: Cost, drawn: random.Random, times: int
) -> None:
    def spent_s() -> float:
        return Usage.of(of.on.process).cpu_s + family_cpu_s(of.postgres)

    before = spent_s()
    for number in range(times):
        began = time.perf_counter()
        await WORKS[name](people[number % len(people)], drawn)
        cost.times_ms.append((time.perf_counter() - began) * 1000)
    cost.cpu_s += spent_s() - before


def _ratios(of: dict[int, Cost], sizes: Sequence[int]) -> list[tuple[float, float]]:
    return [(size, of[size].p50_ms / of[sizes[0]].p50_ms) for size in sizes]


def _table(costs: Costs, sizes: Sequence[int]) -> Table:
    table = Table(title="Cost by the number of messages and posts", title_justify="left")
    table.add_column("")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    if len(sizes) > 1:
        table.add_column("last : first", justify="right")
    for name, of in costs.items():
        delays, spent = ([one(of[size]) for size in sizes] for one in (_delay, _spent))
        for label, values, digits in ((", p50, ms", delays, 2), (", CPU, us", spent, 0)):
            ratio = [f"{values[-1] / values[0]:.2f}"] if len(sizes) > 1 and values[0] else []
            table.add_row(name + label, *(f"{value:,.{digits}f}" for value in values), *ratio)
    return table


def _delay(cost: Cost) -> float:
    return cost.p50_ms


def _spent(cost: Cost) -> float:
    return cost.cpu_us
