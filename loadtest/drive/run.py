"""One run: who conducts it asks for phases here, and what each has cost is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from loadtest.drive import ledger
from loadtest.drive.crew import Crew
from loadtest.drive.ledger import Books
from loadtest.drive.limit import Search
from loadtest.drive.live import Live, Moment
from loadtest.drive.stats import DONE, Stats, together
from loadtest.drive.target import Target
from loadtest.errors import Stalled
from loadtest.screen import Screen

LOAD, CONNECT = "load", "connect"
"""Phases that every report has."""
WARM = 50
"""Connections opened and closed before memory is weighed: what is made once is not to be in it."""
LEAST_WEIGHED = 4 * WARM
"""Users of which the memory can be told from what comes and goes anyway."""
LEAD_S = 0.2
"""Between telling the processes when to begin, and that moment."""
LATE_S = 1.0
"""By which a step may take longer than it was to, if the rate is held."""
REST_S = 10
"""How long a message may be on its way without any other coming, before it counts as lost."""
LOOK_EVERY_S = 0.05
LIMIT_STEP_S = 8


@dataclass(frozen=True, slots=True)
class Pace:
    rate: float
    seconds: float
    warm_up_s: float
    find_limit: bool = False
    limit_ms: float = 100
    """The p99 up to which a rate counts as held."""


@dataclass(slots=True)
class Phase:
    """What was counted, and what the server has used meanwhile."""

    stats: Stats = field(default_factory=Stats)
    wall_s: float = 0.0
    busy_s: float = 0.0
    """From the moment at which the first operation was due to the end of the last one."""
    node_s: float | None = None
    """Of CPU, of all nodes."""
    postgres_s: float | None = None
    rss_before: int | None = None
    """Bytes of all nodes, once they held still; None where nobody asked."""
    rss_after: int | None = None
    note: str = ""


@dataclass(slots=True)
class Run:
    screen: Screen
    target: Target
    crew: Crew
    users: int
    pace: Pace
    live: Live
    phases: dict[str, Phase] = field(default_factory=dict)
    timeline: list[Moment] = field(default_factory=list)
    limit: float | None = None
    """The highest rate that was held, where it was looked for."""
    every_s: float = 0.5
    _now: Phase | None = None
    _given_up: int = 0
    """Messages that did not come: for those nobody waits a second time."""
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def connect(self, *, resume: bool = True) -> None:
        """All users, a few at a time: with what they cost the nodes, in memory too."""
        await self.warm(resume=resume)
        async with self.phase(CONNECT, weigh=True):
            await self.crew.ask("connect", None, resume)

    async def warm(self, *, resume: bool = True) -> None:
        """Open and close some connections, so that what is made once is not weighed."""
        await self.crew.ask("connect", WARM, resume)
        await self.crew.ask("cut", None)

    async def paced(self, *, warm_up: bool = True) -> None:
        """The load itself, after the warm-up. With `find_limit`: the limit, and half of it."""
        if warm_up and self.pace.warm_up_s:
            async with self.phase("warm-up"):
                await self.at(self.pace.rate, self.pace.warm_up_s)
        rate = self.pace.rate
        if self.pace.find_limit:
            rate = self.limit = await self._find_limit()
            rate /= 2
        async with self.phase(LOAD, f"{rate:,.0f} /s"):
            await self.at(rate, self.pace.seconds)

    async def at(self, rate: float, seconds: float) -> None:
        """Operations at this rate, shared by the processes as the users who act are. Returns when
        what they have sent has arrived, so that the phase has what it took to deliver it."""
        counts = await self.crew.ask("count")
        begin = time.monotonic() + LEAD_S
        args = []
        for number, count in enumerate(counts):
            own = rate * count / max(sum(counts), 1)
            args.append((begin + number / max(rate, 0.001), own, seconds))
        await self.crew.ask_each("pace", args)
        if self._now:
            self._now.busy_s += time.monotonic() - begin
        await self.arrived()

    async def everyone(self, act: str, role: str | None = None) -> None:
        """A method of the scenario for each user that has the role, all due now."""
        await self.crew.ask("all_at_once", act, role)

    async def cut(self, role: str | None = None) -> None:
        await self.crew.ask("cut", role)

    @asynccontextmanager
    async def phase(
        self, name: str, note: str = "", *, weigh: bool = False
    ) -> AsyncIterator[Phase]:
        """What happens in the block is counted under this name. With `weigh`, the memory of the
        nodes is measured before and after it, each time until it holds still; not of so few users
        that nothing could be told from it."""
        phase, weigh = Phase(note=note), weigh and self.users >= LEAST_WEIGHED
        if weigh:
            phase.rss_before = await self.target.calm_rss()
        await self.tick()
        before, postgres = self.target.sample(), self.target.postgres_s()
        self._now = phase
        self.live.phase = f"{name} {note}".strip()
        yield phase
        await self.tick()
        after, postgres_after = self.target.sample(), self.target.postgres_s()
        self._now = None
        phase.wall_s = after.at - before.at
        phase.node_s = _less(after.cpu_s, before.cpu_s)
        phase.postgres_s = _less(postgres_after, postgres)
        if weigh:
            phase.rss_after = await self.target.calm_rss()
        self.phases[name] = phase

    async def rest(self) -> Books:
        """The books, when all has come that was sent, or nothing comes any more."""
        self.live.phase = "waiting for what is on its way"
        await self.arrived()
        await self.crew.ask("ping")
        return ledger.merged(await self.crew.ask("books"))

    async def arrived(self) -> None:
        """Nothing is on its way to those who are connected, or nothing comes any more."""
        still, since = self._given_up, time.monotonic() - REST_S
        while missing := sum(await self.crew.ask("missing", await self.crew.ask("sent"))):
            if missing != still:
                still, since = missing, time.monotonic()
            if time.monotonic() - since > REST_S:
                self._given_up = missing
                return
            await asyncio.sleep(LOOK_EVERY_S)  # other processes count

    async def watch(self) -> None:
        """Look at everything as long as it lasts; to be cancelled."""
        while True:
            await asyncio.sleep(self.every_s)
            await self.tick()

    async def tick(self) -> None:
        async with self._busy:
            stats = together(await self.crew.ask("stats"))
            moment = self.live.took(stats, self.target.sample())
            self.timeline.append(moment)
            if self._now:
                self._now.stats.add(stats)

    async def _find_limit(self) -> float:
        """Raises Stalled when not even the lowest rate is held."""
        search = Search(self.pace.rate)
        while not search.over:
            # Once more, since something else may have come in between on this machine.
            held = await self._try(search) or await self._try(search)
            search.tell(held=held)
        if not search.held:
            raise Stalled(f"not even {search.broken or 0:,.1f} /s were held: use a lower --rate")
        return search.held

    async def _try(self, search: Search) -> bool:
        """Whether the next rate is held for a step."""
        rate, seconds = search.next, min(self.pace.seconds, LIMIT_STEP_S)
        async with self.phase(f"step {search.steps + 1}", f"{rate:,.0f} /s") as phase:
            await self.at(rate, seconds)
        held = self._held(phase, seconds)
        p99 = phase.stats.times[DONE].quantile_ms(0.99) or 0
        word = "held" if held else "not held"
        self.screen.line(f"  {rate:>10,.0f} /s  p99 {p99:8,.1f} ms  {word}")
        return held

    def _held(self, phase: Phase, seconds: float) -> bool:
        p99 = phase.stats.times[DONE].quantile_ms(0.99)
        in_time = phase.busy_s <= seconds + LATE_S
        return p99 is not None and p99 <= self.pace.limit_ms and not phase.stats.failed and in_time


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before
