"""In order, once, without holes: what every event passes on its way to the sessions of this node.

Events come from this node's own commits, from the bus, and from the outbox, which has all of them
(workers/tail.py). A conversation's events carry consecutive revs, so the gate knows which it has
had, and which is missing: an early one is held for a moment, since two nodes may publish at once,
and then what is between is read from Postgres.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar
from uuid import UUID

from lumina_rt.bus.entry import Delivery
from lumina_rt.hub import Hub
from lumina_rt.telemetry import Telemetry

HOLD_S = 0.03
REMEMBERED = 50_000
"""Conversations, and events outside of them, of which the gate knows what it has had. Of others it
takes the next event for the first."""
CONVERSATIONS_AT_ONCE, EACH_AT_ONCE = 64, 100
"""What is read in one go to fill holes: so many conversations, so many changes of each."""
HELD = 256
"""Early events of a conversation; more are not held but read."""
Range = tuple[int, int]
"""Revs above the first, up to and with the second."""
Read = Callable[[Mapping[UUID, Range], int], Awaitable[list[Delivery]]]
"""What happened in these ranges, in order of rev for each conversation, at most so many of each."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class Gate:
    """`arrive` and `catch_up` from anywhere; `run` is a loop to be kept running."""

    hub: Hub
    read: Read
    telemetry: Telemetry
    _revs: OrderedDict[UUID, int] = field(default_factory=OrderedDict)
    """Up to where the sessions of this node have had a conversation."""
    _numbers: OrderedDict[int, None] = field(default_factory=OrderedDict)
    _early: dict[UUID, dict[int, Delivery]] = field(default_factory=dict)
    _wanted: dict[UUID, int] = field(default_factory=dict)
    """Conversations with a hole, and up to where it may reach."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def arrive(self, delivery: Delivery) -> None:
        """An event has come. The second time it is dropped."""
        match delivery.place:
            case UUID() as conversation_id, rev:
                self._arrive(conversation_id, rev, delivery)
            case int(number):
                if number not in self._numbers:
                    _remember(self._numbers, number, None)
                    self.hub.deliver(delivery.to, delivery.payload)
            case _:
                self.hub.deliver(delivery.to, delivery.payload, kept=delivery.kept)

    def catch_up(self, conversation_id: UUID, revs: Range) -> None:
        """These changes have been committed: read what of them has not come."""
        after, upto = revs
        had = self._revs.get(conversation_id)
        if had is None or not self.hub.sessions:
            had = upto if not self.hub.sessions else after
            _remember(self._revs, conversation_id, had)
        if had < upto:
            self._want(conversation_id, upto)

    async def run(self) -> None:
        """Fill holes. Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            if not self._wanted:
                await self._wake.wait()
            self._wake.clear()
            await self._fill(dict(islice(self._wanted.items(), CONVERSATIONS_AT_ONCE)))

    def _arrive(self, conversation_id: UUID, rev: int, delivery: Delivery) -> None:
        had = self._revs.get(conversation_id)
        if had is not None and rev <= had:
            self.telemetry.gate.labels("double").inc()
        elif had is None or rev == had + 1 or not self._is_here(delivery):
            self._pass(conversation_id, rev, delivery)
        else:
            self.telemetry.gate.labels("early").inc()
            self._hold(conversation_id, rev, delivery)

    def _hold(self, conversation_id: UUID, rev: int, delivery: Delivery) -> None:
        held = self._early.setdefault(conversation_id, {})
        if not held:
            self._look_later(conversation_id)
        held[rev] = delivery
        if len(held) > HELD:
            self._want(conversation_id, max(held))
            del self._early[conversation_id]

    def _look_later(self, conversation_id: UUID) -> None:
        asyncio.get_running_loop().call_later(HOLD_S, self._late, conversation_id)

    def _is_here(self, delivery: Delivery) -> bool:
        return any(user_id in self.hub.sessions for user_id in delivery.to)

    def _pass(self, conversation_id: UUID, rev: int, delivery: Delivery) -> None:
        _remember(self._revs, conversation_id, rev)
        self.hub.deliver(delivery.to, delivery.payload)
        if self._early:
            self._release(conversation_id)

    def _release(self, conversation_id: UUID) -> None:
        """Let those go whose turn has come, and forget those whose turn is over."""
        if not (held := self._early.get(conversation_id)):
            return
        had = self._revs[conversation_id]
        for rev in sorted(held):
            if rev == had + 1:
                had, delivery = rev, held[rev]
                self.hub.deliver(delivery.to, delivery.payload)
            if rev <= had:
                del held[rev]
        _remember(self._revs, conversation_id, had)
        if held:
            self._look_later(conversation_id)
        else:
            del self._early[conversation_id]

    def _late(self, conversation_id: UUID) -> None:
        """What is missing does not come by itself."""
        if held := self._early.get(conversation_id):
            self._want(conversation_id, min(held) - 1)

    def _want(self, conversation_id: UUID, upto: int) -> None:
        self._wanted[conversation_id] = max(upto, self._wanted.get(conversation_id, 0))
        self._wake.set()

    async def _fill(self, wanted: dict[UUID, int]) -> None:
        ranges = {c: (self._revs.get(c, upto), upto) for c, upto in wanted.items()}
        missing = {c: revs for c, revs in ranges.items() if revs[0] < revs[1]}
        found = await self.read(missing, EACH_AT_ONCE) if missing else []
        counts: Counter[UUID] = Counter()
        for delivery in found:
            assert isinstance(delivery.place, tuple)
            counts[delivery.place[0]] += 1
            self._fill_one(*delivery.place, delivery)
        for conversation_id, upto in wanted.items():
            if counts[conversation_id] < EACH_AT_ONCE:
                self._filled(conversation_id, upto)

    def _fill_one(self, conversation_id: UUID, rev: int, delivery: Delivery) -> None:
        if rev > self._revs.get(conversation_id, 0):  # it may have come meanwhile
            self.telemetry.gate.labels("filled").inc()
            _remember(self._revs, conversation_id, rev)
            self.hub.deliver(delivery.to, delivery.payload)

    def _filled(self, conversation_id: UUID, upto: int) -> None:
        """Also of revs that later changes have superseded there is nothing more to tell."""
        _remember(self._revs, conversation_id, max(upto, self._revs.get(conversation_id, 0)))
        if self._wanted[conversation_id] == upto:
            del self._wanted[conversation_id]
        self._release(conversation_id)


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    """The newest REMEMBERED."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
