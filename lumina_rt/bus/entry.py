"""What a stream entry says, and how it is written.

    [version, publisher, counter, [delivery, ...], control]

`delivery` is [[user_id, ...], payload, place]: ids of 16 bytes, an EVENT frame in MessagePack that
nodes pass on without looking into it, and where it belongs, see Place; behind that `false` when it
is not kept. `control` is null, "probe" or "joined". `counter` grows by one with each entry that a
publisher writes to one stream: a jump means that entries were lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgpack

VERSION = 2
Control = Literal["probe", "joined"]


class UnreadableEntry(ValueError):
    """The entry is of another version, or damaged."""


Place = tuple[UUID, int] | int | None
"""A conversation and the rev of the change in it, or the number of the event in the outbox, by
which a node knows what it has had. Whatever has neither may be lost, and may come twice."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for some users. `payload` is a MessagePack EVENT frame."""

    to: tuple[UUID, ...]
    payload: bytes
    place: Place = None
    kept: bool = True
    """Whether it can be read again. If not, it is dropped where much waits."""


@dataclass(frozen=True, slots=True)
class Entry:
    publisher: str
    counter: int
    deliveries: list[Delivery]
    control: Control | None = None


def pack(entry: Entry) -> bytes:
    deliveries = [_pack_delivery(delivery) for delivery in entry.deliveries]
    packed: bytes = msgpack.packb(
        (VERSION, entry.publisher, entry.counter, deliveries, entry.control)
    )
    return packed


def unpack(data: bytes) -> Entry:
    """Raises UnreadableEntry."""
    try:
        value = msgpack.unpackb(data)
    except (ValueError, TypeError) as error:
        raise UnreadableEntry(f"no MessagePack: {error}") from error
    if not isinstance(value, list) or not value:
        raise UnreadableEntry("no array that begins with a version")
    if type(value[0]) is not int or value[0] != VERSION:
        raise UnreadableEntry(f"version {value[0]!r:.40}, this node reads {VERSION}")
    match value[1:]:
        case [str(publisher), int(counter), list(deliveries), None | "probe" | "joined" as control]:
            return Entry(publisher, int(counter), [_delivery(d) for d in deliveries], control)
    raise UnreadableEntry("its parts are not those of an entry")


def _delivery(value: object) -> Delivery:
    match value:
        case [list(to), bytes(payload), place, *rest] if all(_is_id(user) for user in to) and (
            not rest or (len(rest) == 1 and rest[0] is False)
        ):
            users = tuple(UUID(bytes=user) for user in to)
            return Delivery(users, payload, _place(place), kept=not rest)
    raise UnreadableEntry("a delivery is not users, a payload and a place")


def _pack_delivery(delivery: Delivery) -> object:
    to = [user.bytes for user in delivery.to]
    packed = (to, delivery.payload, _pack_place(delivery.place))
    return packed if delivery.kept else (*packed, False)


def _pack_place(place: Place) -> object:
    return (place[0].bytes, place[1]) if isinstance(place, tuple) else place


def _place(value: object) -> Place:
    match value:
        case [bytes(conversation_id), int(rev)] if _is_id(conversation_id):
            return UUID(bytes=conversation_id), rev
        case None | int():
            return value
    raise UnreadableEntry("a place is not a conversation and a rev, or a number")


def _is_id(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 16
