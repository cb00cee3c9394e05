"""The server's end of a connection, to see what a client cannot: how often it is written to,
and whether it is read from."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from lumina_protocol.codec import MSGPACK
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import EventFrame, Kind

from lumina_rt.app import Node
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.gateway.connection import Connection
from tests.gateway.wire import Wire


class Watched:
    """The real transport, with a note of what is done with it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.writes: list[bytes] = []
        self.paused, self.resumed = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))
        self.transport.write(data)

    def pause_reading(self) -> None:
        self.transport.pause_reading()
        self.paused.set()

    def resume_reading(self) -> None:
        self.transport.resume_reading()
        self.resumed.set()


def connection_of(node: Node, wire: Wire) -> Connection:
    """The node's end of this client; the only stranger, if it has not authenticated."""
    connection_id = wire.ready and wire.ready.connection_id
    (found,) = (
        connection
        for connection in node.gateway.connections
        if connection.ctx.connection_id == connection_id
        or (connection_id is None and connection.session.user_id is None)
    )
    return found


def watch(connection: Connection) -> Watched:
    watched = Watched(connection.transport)
    connection.transport = cast("asyncio.Transport", watched)
    return watched


def deliver(node: Node, wire: Wire, number: int, size: int = 0) -> EventFrame:
    """Give the user of this client an event through the hub, as a commit does."""
    assert wire.ready
    event = EventFrame("test.event", {"number": number, "padding": "x" * size})
    payload = MSGPACK.pack([Kind.EVENT.value, event.type, event.body])
    node.gateway.hub.deliver(Delivery(keys([wire.ready.user_id]), payload, (uuid7(), 1)))
    return event
