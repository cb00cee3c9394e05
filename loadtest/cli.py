"""The commands. What goes wrong is one line on stderr and exit code 1."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

import asyncpg
import click
from lumina_protocol.errors import LuminaError

from loadtest.bench.command import bench
from loadtest.data import Scale, command
from loadtest.drive.command import command_of
from loadtest.errors import LoadTestError, Violation
from loadtest.fanout import Fanout
from loadtest.flatness.command import flatness
from loadtest.floor import Floor
from loadtest.interrupt import unwind_on_signals
from loadtest.logout import Logout
from loadtest.pace import Load
from loadtest.peers.command import peers
from loadtest.scenarios import SCENARIOS
from loadtest.screen import Result, Screen
from loadtest.sends import Sends
from lumina_rt.client import ClientError
from lumina_rt.dev.binaries import EngineError
from lumina_rt.store.migrate import MigrationError

FORESEEN = (LoadTestError, LuminaError, ClientError, EngineError, MigrationError,
            asyncpg.PostgresError, OSError)  # fmt: skip
EXAMPLES = """\b
Examples:
  python -m loadtest direct_chat --rate 500 --html report.html
  python -m loadtest idle --users 2000
  python -m loadtest fanout --receivers 1000 --messages 300 --burst 8
  python -m loadtest fanout --messages 2000 --floor --runs 3
  python -m loadtest sends --batch 1 --batch 256 --runs 3
  python -m loadtest floor --receivers 1000 --messages 300
"""

runs_option = click.option(
    "--runs", type=click.IntRange(1, 20), default=1, show_default=True,
    help="Measure so often, each time from the start; adds the median.",
)  # fmt: skip
receivers_option = click.option(
    "--receivers", type=click.IntRange(1, 25_000), default=1000, show_default=True,
    help="Connections that get each message.",
)  # fmt: skip
messages_option = click.option(
    "--messages", type=click.IntRange(1, 20_000), default=300, show_default=True,
    help="After a warm-up of 8 bursts.",
)  # fmt: skip
burst_option = click.option(
    "--burst", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Messages sent at once; at most 4 bursts are under way.",
)  # fmt: skip
profile_option = click.option(
    "--profile", type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Profile the node's Python code into this file, for pstats. Slows it down.",
)  # fmt: skip


class Measurement(Protocol):
    def prepare(self) -> None: ...
    def measure(self, screen: Screen) -> Result: ...


@click.group(epilog=EXAMPLES)
def loadtest() -> None:
    """Measure a Lumina RT server: engines and nodes are started for it, and stopped after it."""


for scenario in SCENARIOS:
    loadtest.add_command(command_of(scenario))
loadtest.add_command(peers)
loadtest.add_command(bench)
loadtest.add_command(flatness)


@loadtest.command(short_help='From "log out everywhere" to the last closed socket.')
@click.option(
    "--logins", type=click.IntRange(1, 99), default=99, show_default=True,
    help="Of one user; each has a socket on each of two nodes.",
)  # fmt: skip
@runs_option
def logout(logins: int, runs: int) -> None:
    """How long it takes until all sockets of a user are closed who logs out everywhere else.

    \b
    Example:
      python -m loadtest logout --runs 3
    """
    report(f"{logins} logins, {2 * logins} sockets on two nodes", Logout(logins), runs)


@loadtest.command(short_help="CPU per delivery of a kept message.")
@receivers_option
@messages_option
@burst_option
@click.option(
    "--floor", "with_floor", is_flag=True,
    help="Measure the C floor as well, right after, and print the ratio. Needs gcc.",
)  # fmt: skip
@profile_option
@runs_option
def fanout(
    receivers: int,
    messages: int,
    burst: int,
    with_floor: bool,
    profile: Path | None,
    runs: int,
) -> None:
    """CPU of a node for each delivery of a kept message of 128 bytes to many connections.

    Fails when a receiver misses a message, or gets one twice or out of order.

    \b
    Examples:
      python -m loadtest fanout --receivers 1000 --messages 300 --burst 8
      python -m loadtest fanout --messages 2000 --floor --runs 3
      python -m loadtest fanout --burst 8 --profile /tmp/fanout.pstats
    """
    title = f"Fan-out of {messages:,} kept messages to {receivers:,} receivers, bursts of {burst}"
    report(title, Fanout(Load(receivers, messages, burst), with_floor, profile), runs)


@loadtest.command(short_help="CPU and latency of 1:1 messages, by the size of batches.")
@click.option(
    "--pairs", type=click.IntRange(1, 10_000), default=200, show_default=True,
    help="A sender and a receiver each, with a conversation of their own.",
)  # fmt: skip
@click.option(
    "--messages", type=click.IntRange(1, 1_000_000), default=5000, show_default=True,
    help="Of all senders together, after a warm-up of 4 for each place under way.",
)  # fmt: skip
@click.option(
    "--under-way", type=click.IntRange(1, 32), default=1, show_default=True,
    help="Messages of a sender without an answer; the next is sent when one is answered.",
)  # fmt: skip
@click.option(
    "--batch", "batches", type=click.IntRange(1, 1024), multiple=True, default=(1, 16, 256),
    show_default=True, help="LUMINA_MAX_BATCH of a node. Several: ratios are to the first.",
)  # fmt: skip
@profile_option
@runs_option
def sends(
    pairs: int,
    messages: int,
    under_way: int,
    batches: tuple[int, ...],
    profile: Path | None,
    runs: int,
) -> None:
    """What a kept 1:1 message of 128 bytes costs from sending to delivery, and how long it takes.

    Each figure is followed by its LUMINA_MAX_BATCH; CPU is per message, delays are from sending to
    the answer and to the receiver. Fails when an acknowledged message is not received exactly
    once, in the order of its conversation.

    \b
    Examples:
      python -m loadtest sends --batch 1 --batch 16 --batch 256 --runs 3
      python -m loadtest sends --pairs 50 --under-way 8 --messages 20000
      python -m loadtest sends --batch 256 --profile /tmp/sends.pstats
    """
    if len(set(batches)) < len(batches):
        raise click.BadParameter("each size only once", param_hint="--batch")
    if profile and len(batches) > 1:
        raise click.BadParameter("needs a single --batch", param_hint="--profile")
    title = f"{messages:,} kept messages, {pairs:,} pairs with {under_way} under way; by max. batch"
    report(title, Sends(pairs, messages, under_way, batches, profile), runs)


@loadtest.command(short_help="The same fan-out by a minimal C program.")
@receivers_option
@messages_option
@burst_option
@runs_option
def floor(receivers: int, messages: int, burst: int, runs: int) -> None:
    """The same fan-out by a small C program that does nothing but send(). Needs gcc.

    \b
    Example:
      python -m loadtest floor --receivers 1000 --messages 2000 --runs 3
    """
    title = f"C floor: {messages:,} frames to {receivers:,} receivers, bursts of {burst}"
    report(title, Floor(Load(receivers, messages, burst)), runs)


@loadtest.command(short_help="Fill a database with months of history.")
@click.option(
    "--messages", type=click.IntRange(1, 100_000_000), default=1_000_000, show_default=True,
    help="In conversations of two, and of groups.",
)  # fmt: skip
@click.option(
    "--posts", type=click.IntRange(1, 100_000_000), default=1_000_000, show_default=True,
    help="With reactions, comments, topics, bookmarks, stories and notifications.",
)  # fmt: skip
@click.option(
    "--users", type=click.IntRange(50), help="One for each hundred of both, if not given."
)  # fmt: skip
@click.option(
    "--months", type=click.IntRange(1, 120), default=12, show_default=True,
    help="How far the history goes back.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Another one, other data.")
@click.option(
    "--database-url", help="Migrated and without users. Without it: a temporary one, as a trial.",
)  # fmt: skip
def data(
    messages: int, posts: int, users: int | None, months: int, seed: int, database_url: str | None
) -> None:
    """Fill a database with users, messages, posts and all that belongs to them.

    \b
    Examples:
      python -m loadtest data --messages 20000 --posts 20000
      python -m loadtest data --database-url postgresql:///lumina --months 24
    """
    command.run(Scale(messages, posts, users, months, seed), database_url)


def report(title: str, measurement: Measurement, runs: int) -> None:
    """Raises Violation, after the figures, when something was received wrongly in any run."""
    screen = Screen()
    measurement.prepare()
    results = []
    for number in range(1, runs + 1):
        load = os.getloadavg()[0]
        screen.line(f"run {number} of {runs}, load average {load:.2f}")
        results.append(measurement.measure(screen))
    screen.table(title, [result.figures for result in results])
    wrong = [
        f"run {number}: {fault}"
        for number, result in enumerate(results, 1)
        for fault in result.faults
    ]
    if wrong:
        raise Violation("what was received is wrong\n  " + "\n  ".join(wrong))


def main() -> None:
    unwind_on_signals()
    try:
        loadtest(standalone_mode=False, prog_name="python -m loadtest")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        cause = first(error)
        if not isinstance(cause, FORESEEN):
            raise
        click.echo(f"loadtest: {cause or type(cause).__name__}", err=True)
        sys.exit(1)


def first(error: BaseException) -> BaseException:
    """Of several that failed together, the one that was told first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
