"""The primary dies, and a standby takes over that had not got all of it: another history begins.

What was acknowledged shortly before may be gone, and only that; clients learn of it, and begin
anew.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from lumina_rt.dev.engines import Engines
from tests.faults import truth
from tests.faults.engines import POSTGRES_SOCKET
from tests.faults.evidence import Evidence, Violation, acknowledged, settled, short
from tests.faults.log import Answered, Asked, Begun, Connected, Dropped, Entry, Log, Resuming
from tests.faults.play import LOOK_S, RETURN_S, Play
from tests.faults.truth import Truth
from tests.faults.world import World
from tests.store.standby import Standby
from tests.store.supervisor import Supervisor

TAIL_S = 0.7
"""So long the primary acknowledges what the standby does not get."""


@asynccontextmanager
async def standby(world: World) -> AsyncIterator[Standby]:
    """It follows the world's Postgres."""
    own = world.engines
    with ThreadPoolExecutor(1) as thread, (own.home.data / "lock").open("a+") as lock:
        primary = Supervisor(own.home.data, thread)
        primary.running = Engines(own.home, own.programs, own.postgres, own.redis, lock)
        follower = Standby(primary)
        try:
            await follower.start()
            yield follower
        finally:
            await follower.stop()


@dataclass(slots=True)
class Failover:
    """To be given to `Play.run`; afterwards it knows what happened when, by time.monotonic."""

    standby: Standby
    tail_from: float = math.inf
    """What was acknowledged before is on the standby."""
    promoted_at: float = math.inf
    taken_over: Truth = field(default_factory=dict)
    """What the standby had, before it took a write."""

    async def __call__(self, play: Play) -> None:
        """Returns when all clients have begun anew."""
        await asyncio.sleep(TAIL_S)
        self.tail_from = time.monotonic()
        await self.standby.catch_up()
        await self.standby.stop_following()
        await asyncio.sleep(TAIL_S)
        await self._lose_the_primary(play)
        async with asyncio.timeout(RETURN_S):
            while any(_began_anew(actor.log) is None for actor in play.actors):
                await asyncio.sleep(LOOK_S)

    async def _lose_the_primary(self, play: Play) -> None:
        own, nodes = play.world.engines, play.world.nodes
        own.signal_postgres(signal.SIGKILL)
        await asyncio.to_thread(own.postgres.wait)
        for node in nodes:
            node.postgres.behind = self.standby.run / "nowhere"
            await node.postgres.cut_lines()
        await self.standby.promote()
        assert self.standby.process is not None
        own.postgres, own.postgres_run = self.standby.process, self.standby.run
        users = {actor.log.user for actor in play.actors}
        self.taken_over = await truth.read(own.database_url, users)
        self.promoted_at = time.monotonic()
        for node in nodes:
            node.postgres.behind = self.standby.run / POSTGRES_SOCKET

    def afterwards(self, evidence: Evidence) -> Evidence:
        """Of the new history alone; what of before was in doubt may be in it."""
        logs = [Log(log.device, log.user, list(self._afterwards(log))) for log in evidence.logs]
        return Evidence(
            logs, evidence.truth, evidence.healed_at, evidence.ended_at, before=self.taken_over
        )

    def _afterwards(self, log: Log) -> Iterator[Entry]:
        before = {a.number for a, answer in settled(log) if answer.at < self.promoted_at}
        anew = _began_anew(log) or 0
        for number, entry in enumerate(log.entries):
            if isinstance(entry, Asked | Answered):
                if entry.number not in before:
                    yield entry
            elif number >= anew:
                yield entry

    def what_is_lost_is_the_tail(self, evidence: Evidence) -> Iterator[Violation]:
        """And what is acknowledged is not in doubt but for that."""
        for log, asked, answer in acknowledged(evidence, "send"):
            assert asked.message is not None
            talk = self.taken_over.get(asked.conversation)
            had = {kept.message for kept in talk.messages} if talk else set()
            kept = evidence.by_id.get((asked.conversation, asked.message))
            where = f"{log.device} asked {asked.number}, answered at {answer.at:.3f} s as {answer}"
            if answer.at < self.promoted_at and (kept is not None) != (asked.message in had):
                yield Violation("what_is_lost_is_the_tail", f"{where}: there is {kept}")
            if kept is None and not self.tail_from <= answer.at < self.promoted_at:
                yield Violation("what_is_lost_is_the_tail", f"{where}: it is not there")

    def clients_begin_anew(self, evidence: Evidence) -> Iterator[Violation]:
        """With each conversation, or drop it, in an epoch that is greater."""
        for log in self.afterwards(evidence).logs:
            resuming = next(e for e in log.entries if isinstance(e, Resuming))
            connected = next(e for e in log.entries if isinstance(e, Connected))
            anew = {
                entry.conversation
                for entry in log.entries[: log.entries.index(connected)]
                if isinstance(entry, Begun | Dropped)
            }
            if not connected.reset or connected.epoch <= (resuming.epoch or 0):
                yield Violation("clients_begin_anew", f"{log.device}: {resuming}, {connected}")
            for conversation in dict(resuming.cursors).keys() - anew:
                yield Violation("clients_begin_anew", f"{log.device} in {short(conversation)}")


def _began_anew(log: Log) -> int | None:
    """The index of the entry in which the device first spoke to the new history."""
    resuming, epoch = 0, 0
    for number, entry in enumerate(log.entries):
        if isinstance(entry, Resuming):
            resuming = number
        elif isinstance(entry, Connected):
            if epoch and entry.epoch != epoch:
                return resuming
            epoch = entry.epoch
    return None
