"""What a stream entry says, and how it is written.

    [version, publisher, counter, [delivery, ...], control]

`delivery` is [[user_id, ...], payload]: ids of 16 bytes, and an EVENT frame in MessagePack that
nodes pass on without looking into it. `control` is null, "probe" or "joined". `counter` grows by
one with each entry that a publisher writes to one stream: a jump means that entries were lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgpack

VERSION = 1
Control = Literal["probe", "joined"]


class UnreadableEntry(ValueError):
    """The entry is of another version, or damaged."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for some users. `payload` is a MessagePack EVENT frame."""

    to: tuple[UUID, ...]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    publisher: str
    counter: int
    deliveries: list[Delivery]
    control: Control | None = None


def pack(entry: Entry) -> bytes:
    deliveries = [([user.bytes for user in d.to], d.payload) for d in entry.deliveries]
    packed: bytes = msgpack.packb(
        (VERSION, entry.publisher, entry.counter, deliveries, entry.control)
    )
    return packed


def unpack(data: bytes) -> Entry:
    """Raises UnreadableEntry."""
    try:
        version, publisher, counter, deliveries, control = msgpack.unpackb(data)
        if version != VERSION:
            raise UnreadableEntry(f"version {version!r}, this node reads {VERSION}")
        return Entry(
            publisher,
            counter,
            [Delivery(tuple(UUID(bytes=user) for user in to), body) for to, body in deliveries],
            control,
        )
    except UnreadableEntry:
        raise
    except (ValueError, TypeError) as error:
        raise UnreadableEntry(str(error)) from error
