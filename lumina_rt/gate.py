"""In order, once, without holes: what every event passes on its way to the sessions of this node.

Events come from this node's own commits, from the bus, and from the outbox, which has all of them
(workers/tail.py). The events of a stream, which is a conversation or what is a user's own, carry
consecutive revs, so the gate knows which it has had, and which is missing: an early one is held for
a moment, since two nodes may publish at once, and then what is missing is read from Postgres.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import ConversationVoid

from lumina_rt.bus.entry import Delivery
from lumina_rt.hub import Hub
from lumina_rt.telemetry import Telemetry

HOLD_S = 0.03
REMEMBERED = 50_000
"""Streams of which the gate knows what it has had. Of others it takes the next event for the
first."""
STREAMS_AT_ONCE = 64
"""What is read in one go to fill holes."""
HELD = 256
"""Early events of a stream; more are not held but read."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What was read of a stream after some rev: it tells all up to `upto`, and there may be more.
    Each delivery has the newest rev that it tells of as its place."""

    stream: UUID
    upto: int
    deliveries: list[Delivery]
    more: bool


Read = Callable[[Mapping[UUID, int]], Awaitable[list[Filling]]]
"""What there is of these streams after these revs. No filling for a stream that does not exist."""


@dataclass(slots=True)
class Gate:
    """`arrive` and `catch_up` from anywhere; `run` is a loop to be kept running."""

    hub: Hub
    read: Read
    telemetry: Telemetry
    _revs: OrderedDict[UUID, int] = field(default_factory=OrderedDict)
    """Up to where the sessions of this node have had a stream."""
    _early: dict[UUID, dict[int, Delivery]] = field(default_factory=dict)
    _wanted: dict[UUID, int] = field(default_factory=dict)
    """Streams with a hole, and up to where it may reach."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_filling(self) -> bool:
        return bool(self._wanted)

    def arrive(self, delivery: Delivery) -> None:
        """An event has come. The second time it is dropped."""
        if delivery.place is None:
            self.hub.deliver(delivery)
            return
        stream, rev = delivery.place
        had = self._revs.get(stream)
        if had is not None and rev <= had:
            self.telemetry.gate.labels("double").inc()
        elif stream in self._wanted:  # it is being read: what is read tells this as well
            self._want(stream, rev)
        elif had is None or rev == had + 1 or not self._is_here(delivery):
            self._pass(stream, rev, delivery)
        else:
            self.telemetry.gate.labels("early").inc()
            self._hold(stream, rev, delivery)

    def catch_up(self, stream: UUID, after: int, upto: int) -> None:
        """These revs have been committed: read what of them has not come."""
        had = self._revs.get(stream)
        if had is None or not self.hub.sessions:
            had = after if self.hub.sessions else max(upto, had or 0)
            self._remember(stream, had)
        if had < upto:
            self._want(stream, upto)

    def covered(self, told: Mapping[UUID, int]) -> None:
        """A session has been told these streams up to here, and all that was committed since this
        node began has passed: what is still on its way of them is from before, and told."""
        for stream, rev in told.items():
            had = self._revs.get(stream)
            # When memory is full, what is in it is worth more.
            if rev > (had or 0) and (had is not None or len(self._revs) < REMEMBERED):
                self._remember(stream, rev)
                self._release(stream)

    def had(self, stream: UUID) -> int | None:
        """Up to which rev it has passed; None when it knows nothing of this stream."""
        return self._revs.get(stream)

    def forget(self) -> None:
        """All that it knows: in another history of the database the same revs are other changes."""
        self._revs = OrderedDict()
        self._early.clear()
        self._wanted.clear()

    async def run(self) -> None:
        """Fill holes. Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            if not self._wanted:
                await self._wake.wait()
            self._wake.clear()
            await self._fill(dict(islice(self._wanted.items(), STREAMS_AT_ONCE)))

    def _hold(self, stream: UUID, rev: int, delivery: Delivery) -> None:
        held = self._early.setdefault(stream, {})
        if not held:
            self._look_later(stream)
        held[rev] = delivery
        if len(held) > HELD:
            self._want(stream, max(held))
            del self._early[stream]

    def _look_later(self, stream: UUID) -> None:
        asyncio.get_running_loop().call_later(HOLD_S, self._late, stream)

    def _is_here(self, delivery: Delivery) -> bool:
        sessions = self.hub.sessions
        return any(key in sessions for key in (*delivery.to, *delivery.blind))

    def _pass(self, stream: UUID, rev: int, delivery: Delivery) -> None:
        self._remember(stream, rev)
        self._deliver(delivery)
        if self._early:
            self._release(stream)

    def _deliver(self, delivery: Delivery) -> None:
        self.hub.deliver(delivery)
        if delivery.blind and delivery.place:
            conversation_id, rev = delivery.place
            void = MSGPACK.event(ConversationVoid(conversation_id=conversation_id, rev=rev))
            self.hub.deliver(Delivery(delivery.blind, void, delivery.place))

    def _release(self, stream: UUID) -> None:
        """Let those go whose turn has come, and forget those whose turn is over."""
        if not (held := self._early.get(stream)):
            return
        had = self._revs[stream]
        for rev in sorted(held):
            if rev == had + 1:
                had = rev
                self._deliver(held[rev])
            if rev <= had:
                del held[rev]
        self._remember(stream, had)
        if held:
            self._look_later(stream)
        else:
            del self._early[stream]

    def _late(self, stream: UUID) -> None:
        """What is missing does not come by itself."""
        if held := self._early.get(stream):
            self._want(stream, min(held) - 1)

    def _want(self, stream: UUID, upto: int) -> None:
        self._wanted[stream] = max(upto, self._wanted.get(stream, 0))
        self._wake.set()

    async def _fill(self, wanted: dict[UUID, int]) -> None:
        after = {stream: self._revs.get(stream, upto) for stream, upto in wanted.items()}
        missing = {stream: had for stream, had in after.items() if had < wanted[stream]}
        known = self._revs
        fillings = {f.stream: f for f in await self.read(missing)} if missing else {}
        if self._revs is not known:  # forgotten meanwhile, and with it what was wanted
            return
        for stream, upto in wanted.items():
            filling = fillings.get(stream)
            if filling:
                self._fill_one(filling)
            if filling is None or not filling.more:
                self._filled(stream, upto)

    def _fill_one(self, filling: Filling) -> None:
        """What has come meanwhile is not told again; a page is, if any of it has not come."""
        for delivery in filling.deliveries:
            assert delivery.place is not None
            if delivery.place[1] > self._revs.get(filling.stream, 0):
                self.telemetry.gate.labels("filled").inc()
                self.hub.deliver(delivery)
        self._remember(filling.stream, max(filling.upto, self._revs.get(filling.stream, 0)))

    def _filled(self, stream: UUID, upto: int) -> None:
        """What is not there by now is nothing that can be told."""
        self._remember(stream, max(upto, self._revs.get(stream, 0)))
        if self._wanted[stream] <= self._revs[stream]:
            del self._wanted[stream]
        self._release(stream)

    def _remember(self, stream: UUID, rev: int) -> None:
        """The newest REMEMBERED."""
        self._revs[stream] = rev
        self._revs.move_to_end(stream)
        if len(self._revs) > REMEMBERED:
            self._revs.popitem(last=False)
