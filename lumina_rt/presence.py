"""Who is online: told once a second to those who watch them, when it has changed.

A user is online from their first connection to the last one's end, and a while longer, so that a
reconnect or a node that stops is nothing to tell of. What a watcher may know is asked in the store
each time they are told something. Nothing here is kept: see bus/presence.py.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, takewhile
from math import inf
from uuid import UUID

from lumina_protocol.codec import Codec
from lumina_protocol.errors import Unavailable
from lumina_protocol.presence import PresenceChanged, UserPresence

from lumina_rt.bus.presence import Away, Registry
from lumina_rt.hub import Receiver
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry

SHOWN = query("presence.shown")
SEEN = query("presence.seen")

EVERY_S = 1.0
SETTLED_S = 3.0
"""So long after Redis was away, or has forgotten something, all nodes have said anew who is
connected to them."""
UNKNOWN_AFTER_S = 5.0
"""Redis is away for so long before watchers are told that nothing is known any more."""
PAIRS = 2000
"""Of a watcher and whom they watch, in one question to the store."""
KEPT = 1000
COUNTED_S = 5.0
COUNTS = 1000


@dataclass(eq=False, slots=True)
class Watch:
    """Whom one connection watches, and what it knows of them: nothing while it is being told."""

    viewer: UUID
    line: Receiver
    told: dict[UUID, UserPresence | None]
    held: set[UUID] = field(default_factory=set)
    """Of whom it is told later, for the viewer is in calm mode."""
    due: float = 0.0
    """When, on the clock of time.monotonic."""


Pair = tuple[Watch, UUID]


@dataclass(slots=True)
class Presence:
    """`run` is a loop to be kept running. Also the hub's Attendance."""

    registry: Registry
    db: Db
    frame: Callable[[Codec, bytes], bytes]
    linger_s: float
    calm_s: float
    """How often at most those in calm mode are told."""
    telemetry: Telemetry
    calm: Container[UUID]
    """Those on this node who are in calm mode."""
    here: set[UUID] = field(default_factory=set)
    """Who is connected to this node, or was a moment ago."""
    _ending: dict[UUID, tuple[float, int]] = field(default_factory=dict)
    """Who has no connection here any more: when that ends their being online, on the clock of
    time.monotonic, and since when, in ms since 1970. The first to end comes first."""
    _came: set[UUID] = field(default_factory=set)
    _gone: set[UUID] = field(default_factory=set)
    _changed: set[UUID] = field(default_factory=set)
    _watches: dict[Receiver, Watch] = field(default_factory=dict)
    _watchers: dict[UUID, set[Watch]] = field(default_factory=dict)
    _holding: set[Watch] = field(default_factory=set)
    _dirty: set[UUID] = field(default_factory=set)
    _counts: dict[UUID, tuple[float, int]] = field(default_factory=dict)
    _silent: dict[bytes, int] = field(default_factory=dict)
    """Nodes that seem to be dead, and when they were last heard of, in ms since 1970."""
    _settled_at: float = -inf
    _failing: bool = False
    _lost_at: float | None = None
    """Since when nothing is known for sure."""
    _said_unknown: bool = False

    # What the hub calls.

    def opened(self, user_id: UUID) -> None:
        """The first connection of a user to this node."""
        if self._ending.pop(user_id, None) is None:
            self.here.add(user_id)
            self._came.add(user_id)
            self._gone.discard(user_id)

    def closed(self, user_id: UUID) -> None:
        """The last one has ended."""
        self._ending[user_id] = time.monotonic() + self.linger_s, int(time.time() * 1000)

    def left(self, line: Receiver) -> None:
        if watch := self._watches.pop(line, None):
            self._holding.discard(watch)
            for user_id in watch.told:
                self._watchers[user_id].discard(watch)
                if not self._watchers[user_id]:
                    del self._watchers[user_id]

    # What handlers call.

    @property
    def is_known(self) -> bool:
        return not self._failing and time.monotonic() >= self._settled_at

    def changed(self, user_ids: Iterable[UUID]) -> None:
        """What they show, or whom, may be something else now: look at it again, on all nodes."""
        self._changed.update(user_ids)

    async def watch(self, viewer: UUID, line: Receiver, users: list[UUID]) -> list[UserPresence]:
        """In the place of what this connection has watched. Raises Unavailable."""
        self.left(line)
        watch = Watch(viewer, line, dict.fromkeys(users))
        self._watches[line] = watch
        for user_id in watch.told:
            self._watchers.setdefault(user_id, set()).add(watch)
        try:
            states = await self._look([(watch, user_id) for user_id in watch.told])
        except BaseException:
            if self._watches.get(line) is watch:
                self.left(line)
            raise
        watch.told.update({state.user_id: state for _, state in states})
        return [state for _, state in states]

    def lately(self, conversation_id: UUID) -> int | None:
        """How many of a big conversation were found online a moment ago."""
        at, count = self._counts.get(conversation_id, (-inf, 0))
        return count if self.is_known and time.monotonic() - at < COUNTED_S else None

    async def online(self, users: list[UUID]) -> set[UUID] | None:
        """None: nobody knows."""
        if not self.is_known:
            return None
        try:
            return self.here.intersection(users) | await self.registry.online(users)
        except Away:
            return None

    def counted(self, conversation_id: UUID, count: int) -> None:
        if len(self._counts) >= COUNTS:
            self._counts.clear()
        self._counts[conversation_id] = time.monotonic(), count

    # What goes on by itself.

    async def begin(self) -> None:
        """Learn who else is there. There is nothing yet that could be wrong."""
        await self._exchange()
        self._settled_at = -inf

    async def run(self) -> None:
        while True:
            await self.turn()
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> None:
        await self._end()
        await self._exchange()
        await self._speak_for_the_dead()
        if self._judge():
            await self._tell()

    async def close(self) -> None:
        """Of a node that stops: its users have a while to come back to another. Never raises."""
        now = int(time.time() * 1000)
        times = dict.fromkeys(self.here, now)
        await self._keep(times | {user_id: at for user_id, (_, at) in self._ending.items()})
        with suppress(Away):
            await self.registry.end(self.linger_s)

    async def _end(self) -> None:
        """Of those who have not come back."""
        now = time.monotonic()
        due = dict(takewhile(lambda item: item[1][0] <= now, self._ending.items()))
        await self._keep({user_id: at for user_id, (_, at) in due.items()})
        for user_id, ending in due.items():
            if self._ending.get(user_id) == ending:  # and did not while we wrote it
                del self._ending[user_id]
                self.here.discard(user_id)
                self._came.discard(user_id)
                self._gone.add(user_id)

    async def _speak_for_the_dead(self) -> None:
        """A node that has died has not said when its users were last seen. While we do not know
        who is there, a node may only seem to be dead."""
        if not self.is_known:
            return
        for node, at in self._silent.items():
            with suppress(Away):
                await self._keep(dict.fromkeys(await self.registry.left_by(node), at))

    async def _keep(self, times: dict[UUID, int]) -> None:
        """When they were last seen. Not worth a second try."""
        items = iter(times.items())
        try:
            while chunk := dict(islice(items, KEPT)):
                async with self.db.statement() as tx:
                    await tx.run(SEEN, user_ids=list(chunk), times=list(chunk.values()))
        except Unavailable:
            self.telemetry.log.info("when users were last seen is not kept; postgres is away")

    async def _exchange(self) -> None:
        came, gone, changed = self._came, self._gone, self._changed
        self._came, self._gone, self._changed = set(), set(), set()
        try:
            heard = await self.registry.turn(came, gone, changed, self.here)
        except Away:
            self._failing, self._silent = True, {}
            self._came |= came & self.here
            self._gone = (self._gone | gone) - self.here
            self._changed |= changed
            return
        if self._failing or heard.restored:
            self._failing = False
            self._settled_at = time.monotonic() + SETTLED_S
        everybody = self._watchers.keys()
        self._silent = heard.silent
        self._dirty |= everybody if heard.fewer else heard.moved & everybody
        if heard.changed:
            for watch in self._watches.values():
                if watch.viewer in heard.changed:
                    self._dirty.update(watch.told)

    def _judge(self) -> bool:
        """Whether there is something to say now: what is known, or that nothing is."""
        if self.is_known:
            if self._lost_at is not None:
                self._dirty |= self._watchers.keys()
            self._lost_at, self._said_unknown = None, False
            return True
        self._lost_at = self._lost_at or time.monotonic()
        if not self._said_unknown and time.monotonic() - self._lost_at >= UNKNOWN_AFTER_S:
            self._said_unknown = True
            self._dirty |= self._watchers.keys()
        return self._said_unknown

    async def _tell(self) -> None:
        """Those who watch somebody of whom something may have changed, if it has for them."""
        dirty, self._dirty = self._dirty, set()
        pairs = ((watch, user) for user in dirty for watch in self._watchers.get(user, ()))
        left = deque([pair for pair in pairs if not self._holds(*pair)] + self._held_long_enough())
        while left:
            chunk = [left.popleft() for _ in range(min(PAIRS, len(left)))]
            try:
                looked = await self._look(chunk)
            except Unavailable:
                self._dirty.update(user for _, user in (*chunk, *left))
                return
            for watch, state in looked:
                self._say(watch, state)
            await asyncio.sleep(0)

    def _holds(self, watch: Watch, user_id: UUID) -> bool:
        """Whether it is told later, together with what else there is until then."""
        if watch.viewer not in self.calm:
            return False
        if not watch.held:
            watch.due = time.monotonic() + self.calm_s
        watch.held.add(user_id)
        self._holding.add(watch)
        return True

    def _held_long_enough(self) -> list[Pair]:
        now, pairs = time.monotonic(), list[Pair]()
        for watch in tuple(self._holding):
            if watch.due <= now or watch.viewer not in self.calm:
                pairs += [(watch, user_id) for user_id in watch.held]
                watch.held.clear()
                self._holding.discard(watch)
        return pairs

    def _say(self, watch: Watch, state: UserPresence) -> None:
        user_id = state.user_id
        if self._watches.get(watch.line) is not watch or watch.told[user_id] == state:
            return
        if watch.told[user_id] is None:  # it is being told, and we may know better
            self._dirty.add(user_id)
            return
        watch.told[user_id] = state
        codec = watch.line.codec
        watch.line.whisper(self.frame(codec, codec.event(PresenceChanged(**state.model_dump()))))

    async def _look(self, pairs: list[Pair]) -> list[tuple[Watch, UserPresence]]:
        """What is so now, as far as each may know it. Raises Unavailable."""
        online = await self.online(list({user_id for _, user_id in pairs}))
        if online is None:
            return [(watch, UserPresence(user_id=user, state="unknown")) for watch, user in pairs]
        asked = list({(watch.viewer, user_id) for watch, user_id in pairs})
        async with self.db.read() as tx:
            viewers, owners = [viewer for viewer, _ in asked], [owner for _, owner in asked]
            rows = await tx.all(SHOWN, viewer_ids=viewers, owner_ids=owners)
        shown = {(row["viewer_id"], row["owner_id"]): row["last_seen_at"] for row in rows}
        return [(watch, _state(user, online, shown, watch.viewer)) for watch, user in pairs]


def _state(
    user: UUID, online: set[UUID], shown: dict[tuple[UUID, UUID], int | None], viewer: UUID
) -> UserPresence:
    if (viewer, user) in shown and user in online:
        return UserPresence(user_id=user, state="online")
    last_seen_at = shown.get((viewer, user))
    return UserPresence(user_id=user, state="offline", last_seen_at=last_seen_at)
