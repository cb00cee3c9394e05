"""`python -m loadtest peers`: all of them side by side, in another order in each round."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Sequence

import click
from rich.table import Table

from loadtest import descriptors
from loadtest.errors import CannotStart, Violation
from loadtest.pace import Load
from loadtest.peers.contestants import PEERS, CFloor, Contestant, Cost, Lumina, Work
from loadtest.peers.install import CannotInstall
from loadtest.screen import Screen
from loadtest.stage import stage

NAMES = ("Lumina", "C floor", *(peer.name for peer in PEERS))
Costs = dict[str, list[Cost]]


@click.command(short_help="The same work by what one would pick instead.")
@click.option(
    "--receivers", type=click.IntRange(1, 10_000), default=500, show_default=True,
    help="Connections that get each message.",
)  # fmt: skip
@click.option("--messages", type=click.IntRange(1, 20_000), default=200, show_default=True)
@click.option(
    "--burst", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Messages sent at once; at most 4 bursts are under way.",
)  # fmt: skip
@click.option(
    "--clients", type=click.IntRange(1, 10_000), default=50, show_default=True,
    help="Connections with one echo under way each.",
)  # fmt: skip
@click.option("--echoes", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option(
    "--only", type=click.Choice(NAMES), multiple=True, help="Several times; else all of them."
)
def peers(
    receivers: int,
    messages: int,
    burst: int,
    clients: int,
    echoes: int,
    rounds: int,
    only: tuple[str, ...],
) -> None:
    """CPU of the server for each delivery and for each echo of 128 bytes: Lumina and others.

    Lumina keeps its messages, and checks who may have them; the others only pass them on. The
    libraries are installed into .lumina/peers, by the names and hashes of their lock files. What
    cannot be installed is left out.

    \b
    Examples:
      python -m loadtest peers
      python -m loadtest peers --receivers 1000 --burst 8 --rounds 5
      python -m loadtest peers --only Lumina --only socket.io
    """
    work = Work(Load(receivers, messages, burst), clients, echoes)
    run(work, rounds, only or NAMES, Screen())


def run(work: Work, rounds: int, names: Sequence[str], screen: Screen) -> None:
    """Raises LoadTestError or what `stage` raises; Violation after the table."""
    descriptors.allow(max(work.load.receivers, work.clients))
    there = _prepared([one for one in (CFloor(), *PEERS) if one.name in names], screen)
    if "Lumina" in names:
        with stage(screen) as on:
            costs = _rounds([Lumina(on), *there], work, rounds, screen)
    else:
        costs = _rounds(there, work, rounds, screen)
    _shown(costs, work, screen)
    wrong = [f"{name}: {line}" for name in costs for cost in costs[name] for line in cost.faults]
    if wrong:
        raise Violation("what was received is wrong\n  " + "\n  ".join(wrong))


def _prepared(wanted: Sequence[Contestant], screen: Screen) -> list[Contestant]:
    there = []
    for one in wanted:
        try:
            with screen.step(f"preparing {one.name}"):
                one.prepare()
        except (CannotInstall, CannotStart) as error:
            screen.line(f"  left out: {one.name}: {error}")
        else:
            there.append(one)
    return there


def _rounds(there: Sequence[Contestant], work: Work, rounds: int, screen: Screen) -> Costs:
    costs: Costs = {one.name: [] for one in there}
    for number in range(1, rounds + 1):
        screen.line(f"round {number} of {rounds}, load average {os.getloadavg()[0]:.2f}")
        for one in random.sample(there, len(there)):
            with screen.step(one.name):
                cost = one.measure(work, screen)
            echo = "" if cost.echo_us is None else f", echo {cost.echo_us:.1f} us"
            screen.line(f"    delivery {cost.delivery_us:.2f} us{echo}")
            costs[one.name].append(cost)
    return costs


def _shown(costs: Costs, work: Work, screen: Screen) -> None:
    load = work.load
    delivery = {name: [cost.delivery_us for cost in some] for name, some in costs.items()}
    echo = {
        name: [cost.echo_us for cost in some if cost.echo_us is not None]
        for name, some in costs.items()
    }
    screen.results.print(
        _table(
            f"CPU per delivery: {load.messages:,} messages to {load.receivers:,}, "
            f"bursts of {load.burst}",
            delivery,
        ),
        _table(f"CPU per echo: {work.echoes:,} by {work.clients:,} clients", echo),
    )


def _table(title: str, by_name: dict[str, list[float]]) -> Table:
    """The cheapest first. A ratio is the median of those of the rounds."""
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for head in ("median, us", "lowest", "highest", "x Lumina"):
        table.add_column(head, justify="right", no_wrap=True)
    medians = {name: statistics.median(values) for name, values in by_name.items() if values}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        values = by_name[name]
        ours = by_name.get("Lumina", ())
        ratios = [one / to for one, to in zip(values, ours, strict=False) if to]
        table.add_row(
            name, f"{median:.2f}", f"{min(values):.2f}", f"{max(values):.2f}",
            f"{statistics.median(ratios):.2f}" if ratios else "",
        )  # fmt: skip
    return table
