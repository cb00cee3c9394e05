"""Calm mode: what is told to those who have it on, and when.

Only what is not kept is held back, and so nothing is lost, and all else keeps its order: typing is
not told at all, and receipts together, once in a while. Presence does the same for itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any
from uuid import UUID

from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import ConversationLeft, MemberTyping
from lumina_protocol.frame import Event, EventFrame, Kind
from lumina_protocol.receipts import Receipt, ReceiptsTold
from lumina_protocol.settings import SettingsChanged

from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query

CALM = query("settings.calm")

EVERY_S = 1.0
Held = dict[UUID, dict[UUID, Receipt]]
"""Of conversations, how far each member has come."""


def _beginning(kind: type[Event]) -> bytes:
    """Of all frames of an event, in MessagePack: its kind and its type, without its body."""
    return MSGPACK.pack((Kind.EVENT.value, kind.type, {}))[:-1]


def _body(payload: bytes) -> Mapping[str, Any]:
    frame = MSGPACK.decode(payload)
    assert isinstance(frame, EventFrame)
    return frame.body


SETTINGS, LEFT = _beginning(SettingsChanged), _beginning(ConversationLeft)
TYPING, RECEIPTS = _beginning(MemberTyping), _beginning(ReceiptsTold)


def _further(one: Receipt, other: Receipt) -> Receipt:
    """Positions only grow, and receipts of two nodes come in any order."""
    return Receipt(
        user_id=one.user_id,
        delivered_seq=max(one.delivered_seq, other.delivered_seq),
        read_seq=max(one.read_seq, other.read_seq),
    )


@dataclass(slots=True)
class Calm:
    """`run` is a loop to be kept running. Also what the hub asks before it tells."""

    db: Db
    give: Callable[[Delivery], None]
    """To the sessions of this node, without asking."""
    every_s: float
    """How often at most somebody is told what was held back."""
    users: set[UUID] = field(default_factory=set)
    """Who is connected to this node and has it on."""
    _here: set[UUID] = field(default_factory=set)
    _unsure: set[UUID] = field(default_factory=set)
    """Whose setting is to be read."""
    _asked: set[UUID] = field(default_factory=set)
    """Whose is being read, and nothing newer is known."""
    _held: dict[UUID, Held] = field(default_factory=dict)
    _due: dict[UUID, float] = field(default_factory=dict)
    """When they are told what is held, on the clock of time.monotonic."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    # What the hub calls.

    def opened(self, user_id: UUID) -> None:
        """A session of this user has come."""
        self._here.add(user_id)
        self._unsure.add(user_id)
        self._wake.set()

    def closed(self, user_id: UUID) -> None:
        """The last one has left: whoever comes back reads positions anew."""
        for known in (self._here, self._unsure, self._asked, self.users):
            known.discard(user_id)
        self._held.pop(user_id, None)
        self._due.pop(user_id, None)

    def passing(self, delivery: Delivery) -> Delivery:
        """What of it is to be told now."""
        if delivery.place is None:
            return self._without_calm(delivery) if self.users else delivery
        if len(delivery.to) == 1 and delivery.payload.startswith((SETTINGS, LEFT)):
            self._own(UUID(bytes=delivery.to[0]), delivery.payload)
        return delivery

    def _own(self, user_id: UUID, payload: bytes) -> None:
        """Something that the user is told as well, in the order in which it is told."""
        if user_id not in self._here:
            return
        body = _body(payload)
        if payload.startswith(LEFT):
            self._held.get(user_id, {}).pop(UUID(bytes=body["conversation_id"]), None)
        else:
            self._asked.discard(user_id)  # this is newer
            self._set(user_id, calm=body["settings"]["calm_mode"])

    def _set(self, user_id: UUID, *, calm: bool) -> None:
        if calm:
            self.users.add(user_id)
        else:
            self.users.discard(user_id)
            self._due.update({user_id: 0} if user_id in self._held else {})
            self._wake.set()

    def _without_calm(self, delivery: Delivery) -> Delivery:
        if not delivery.payload.startswith((TYPING, RECEIPTS)):
            return delivery
        calm = self.users.intersection(UUID(bytes=key) for key in delivery.to)
        if not calm:
            return delivery
        if delivery.payload.startswith(RECEIPTS):
            told = ReceiptsTold.model_validate(_body(delivery.payload))
            for user_id in calm:
                self._hold(user_id, told)
        held = {*keys(calm)}
        return Delivery(tuple(key for key in delivery.to if key not in held), delivery.payload)

    def _hold(self, user_id: UUID, told: ReceiptsTold) -> None:
        held = self._held.setdefault(user_id, {}).setdefault(told.conversation_id, {})
        for receipt in told.receipts:
            held[receipt.user_id] = _further(receipt, held.get(receipt.user_id, receipt))
        if user_id not in self._due:
            self._due[user_id] = time.monotonic() + self.every_s
            self._wake.set()

    # What goes on by itself.

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            self._wake.clear()
            self._tell()
            await self._look()
            wait_s = min(self._due.values(), default=inf) - time.monotonic()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(max(wait_s, 0), EVERY_S))

    async def _look(self) -> None:
        """At the setting of those who have come."""
        self._asked |= self._unsure
        self._unsure.clear()
        if not self._asked:
            return
        async with self.db.read() as tx:
            rows = await tx.all(CALM, user_ids=list(self._asked))
        found = {row["user_id"] for row in rows}
        for user_id in self._asked - self._unsure:
            self._set(user_id, calm=user_id in found)
        self._asked.clear()

    def _tell(self) -> None:
        now = time.monotonic()
        for user_id in [user_id for user_id, due in self._due.items() if due <= now]:
            del self._due[user_id]
            for conversation_id, receipts in self._held.pop(user_id).items():
                told = ReceiptsTold(
                    conversation_id=conversation_id, receipts=list(receipts.values())
                )
                self.give(Delivery(keys([user_id]), MSGPACK.event(told)))
