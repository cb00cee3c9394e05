"""From a scenario to a report: people, preparation, processes, load, rest, and the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadtest import descriptors
from loadtest.drive import ledger
from loadtest.drive.backstage import Backstage
from loadtest.drive.crew import crew
from loadtest.drive.live import Live
from loadtest.drive.people import enlist
from loadtest.drive.run import Pace, Run
from loadtest.drive.scene import Scenario
from loadtest.drive.target import Target
from loadtest.screen import Screen

LOOPBACK = ("127.", "localhost")
LOOKS = 240
"""About so many moments has the timeline of a long run."""


@dataclass(frozen=True, slots=True)
class Setup:
    users: int
    processes: int
    addresses: int
    """Loopback addresses that connections come from: each has about 28,000 ports."""
    pace: Pace


@dataclass(frozen=True, slots=True)
class Played:
    run: Run
    faults: list[str]


async def play(scenario: Scenario, setup: Setup, target: Target, screen: Screen) -> Played:
    """Raises LoadTestError, or what the SDK raises."""
    with screen.bar(f"registering {setup.users:,} users", setup.users) as advance:
        people = await enlist(target.urls[0], setup.users, advance)
    stage = Backstage(screen, target, people)
    with screen.step(f"preparing {scenario.name}"):
        await scenario.prepare(stage)
    cast = list(zip(people, stage.parts, strict=True))
    sources = source_addresses(target.urls, setup.addresses)
    async with crew(scenario, cast, target.urls, sources, setup.processes) as hands:
        live = Live(screen, f"{scenario.name}: {setup.users:,} users")
        every_s = max(0.5, setup.pace.seconds / LOOKS)
        run = Run(screen, target, hands, setup.users, setup.pace, live, every_s=every_s)
        with live.shown():
            faults = await _conduct(scenario, stage, run)
    return Played(run, faults)


async def _conduct(scenario: Scenario, stage: Backstage, run: Run) -> list[str]:
    await run.crew.ask("count")  # the processes are there
    run.live.began = time.monotonic()
    watching = asyncio.create_task(run.watch())
    try:
        await scenario.conduct(run)
        books = await run.rest()
        found = ledger.faults(books)
        return found + await scenario.check(stage, run)
    finally:
        watching.cancel()


def source_addresses(urls: Sequence[str], count: int) -> list[str | None]:
    """127.0.0.2 and so on, where the server is on the loopback; elsewhere the machine decides."""
    hosts = [urlsplit(url).hostname or "" for url in urls]
    if not all(host.startswith(LOOPBACK) for host in hosts):
        return [None]
    return [f"127.0.0.{number}" for number in range(2, count + 2)]


def allow_files(setup: Setup, nodes: int) -> None:
    """Raise the limits of open files, for us and what we start. Raises CannotStart."""
    descriptors.allow(-(-setup.users // min(nodes, setup.processes)))
