"""What a stream entry says, and how it is written.

    [version, publisher, counter, [delivery, ...], control, [subject_id, ...]]

`delivery` is [[user_id, ...], payload, place, [user_id, ...]]: ids of 16 bytes, an EVENT frame in
MessagePack that nodes pass on without looking into it, where it belongs, see Place, and who may not
see what is there. `control` is null, "probe", "joined" or "ended". `counter` grows by one with each
entry that a publisher writes to one stream: a jump means that entries were lost. The subjects are
those whose state has changed, see lumina_rt/watching.py; the nil UUID (RFC 9562 section 5.9) stands
for all there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgpack

VERSION = 4
ALL_SUBJECTS = UUID(int=0)
Control = Literal["probe", "joined", "ended"]


class UnreadableEntry(ValueError):
    """The entry is of another version, or damaged."""


Place = tuple[UUID, int] | None
"""A stream (see lumina_rt/streams.py) and the rev in it, by which a node knows what it has had.
Whatever has none may be lost, and may come twice."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for some users, see `keys`. `payload` is a MessagePack EVENT frame."""

    to: tuple[bytes, ...]
    payload: bytes
    place: Place = None
    blind: tuple[bytes, ...] = ()
    """Members of the conversation who may not see this rev of it."""


def keys(user_ids: Iterable[UUID]) -> tuple[bytes, ...]:
    """How users are named on the way to their sessions: to hash and compare a UUID, and to make one
    of what the bus brings, is five times as much work, for each member of a group."""
    return tuple(user_id.bytes for user_id in user_ids)


@dataclass(frozen=True, slots=True)
class Entry:
    publisher: str
    counter: int
    deliveries: list[Delivery]
    control: Control | None = None
    touched: tuple[UUID, ...] = ()


def pack(entry: Entry) -> bytes:
    deliveries = [(d.to, d.payload, _pack_place(d.place), d.blind) for d in entry.deliveries]
    head = VERSION, entry.publisher, entry.counter
    packed: bytes = msgpack.packb((*head, deliveries, entry.control, keys(entry.touched)))
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
        case [
            str(publisher),
            int(counter),
            list(deliveries),
            None | "probe" | "joined" | "ended" as control,
            list(touched),
        ]:
            told = [_delivery(delivery) for delivery in deliveries]
            subjects = tuple(UUID(bytes=subject) for subject in _ids(touched))
            return Entry(publisher, int(counter), told, control, subjects)
    raise UnreadableEntry("its parts are not those of an entry")


def _delivery(value: object) -> Delivery:
    match value:
        case [list(to), bytes(payload), place, list(blind)]:
            return Delivery(_ids(to), payload, _place(place), _ids(blind))
    raise UnreadableEntry("a delivery is not users, a payload, a place and users")


def _ids(value: list[object]) -> tuple[bytes, ...]:
    if all(isinstance(one, bytes) and len(one) == 16 for one in value):
        return tuple(value)  # type: ignore[arg-type]  # just looked
    raise UnreadableEntry("an id is not 16 bytes")


def _pack_place(place: Place) -> object:
    return (place[0].bytes, place[1]) if place else None


def _place(value: object) -> Place:
    match value:
        case [bytes(stream), int(rev)] if len(stream) == 16 and type(rev) is not bool:
            return UUID(bytes=stream), rev
        case None:
            return None
    raise UnreadableEntry("a place is not a stream and a rev")
