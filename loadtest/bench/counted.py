"""Runs under callgrind: each piece of work several times, between two marks.

valgrind --tool=callgrind --instr-atstart=no python -m loadtest.bench.counted MARKS
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from lumina_protocol.codec import JSON, MSGPACK, Codec, transcode
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import RequestFrame
from lumina_protocol.messages import SendMessage
from lumina_protocol.session import Authenticate

from loadtest.bench.ratios import an_event
from lumina_rt.bus.entry import Delivery, Entry, Place, keys, pack, unpack
from lumina_rt.config import Settings
from lumina_rt.gateway.connection import Connection
from lumina_rt.gateway.flusher import Flusher
from lumina_rt.gateway.framing import websocket_frame
from lumina_rt.gateway.gateway import Gateway
from lumina_rt.hub import Hub
from lumina_rt.router import waiting
from lumina_rt.session import Limits, Session
from lumina_rt.telemetry import Telemetry

TIMES = 50
RECEIVERS = 100
USERS = [UUID(int=number) for number in range(1, RECEIVERS + 1)]
LIMITS = Limits(requests_waiting=64, requests_together=16, requests_per_s=1e6, requests_burst=1000)
Work = Callable[[], object]


class Line:
    """Takes what it is given, and does nothing with it: the hub's own part is what is counted."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def push(self, frame: bytes, place: Place) -> None:
        pass

    def whisper(self, frame: bytes) -> bool:
        return True

    def outnumbered(self) -> None:
        pass

    def login_ended(self, session_id: UUID) -> None:
        pass


def works() -> dict[str, tuple[Work, int]]:
    """What is counted, and by how much the count of one call is divided."""
    event = an_event()
    payload = MSGPACK.event(event)
    asked = SendMessage(conversation_id=UUID(int=1), message_id=uuid7(), content="x" * 128)
    request = MSGPACK.request(1, asked)
    return {
        "event as MessagePack": (lambda: MSGPACK.event(event), 1),
        "event as JSON": (lambda: JSON.event(event), 1),
        "event from MessagePack to JSON": (lambda: transcode(payload), 1),
        "websocket frame": (lambda: websocket_frame(MSGPACK, payload), 1),
        "request from MessagePack": (lambda: MSGPACK.decode(request), 1),
        "request through a session": (_session(), 1),
        "hub, each receiver": (_hub(payload), RECEIVERS),
        "delivery, each receiver": (_delivery(payload), RECEIVERS),
        "entry of the bus, there and back": (_entry(payload), 1),
    }


def _session() -> Work:
    session = Session(LIMITS, 0.0)
    session.receive(waiting(RequestFrame(1, Authenticate.op, {})), 0.0)
    session.accepted(UUID(int=1))
    session.finished()
    request = RequestFrame(2, SendMessage.op, {})

    def through() -> None:
        session.receive(waiting(request), session.tokens_at + 1)
        session.finished()

    return through


def _hub(payload: bytes) -> Work:
    hub = Hub(websocket_frame, 10, Telemetry("bench"))
    for user in USERS:
        hub.join(user, Line(MSGPACK))
    delivery = Delivery(keys(USERS), payload, (UUID(int=1), 1))
    return lambda: hub.deliver(delivery)


class Still:
    """A loop and a transport that do nothing by themselves."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def time(self) -> float:
        return 0.0

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    write = staticmethod(len)  # as cheap as may be: what writes in a node is not Python


def _delivery(payload: bytes) -> Work:
    """From the hub to the transport of each receiver, one event for each write."""
    hub, still = Hub(websocket_frame, 10, Telemetry("bench")), Still()
    settings = Settings.model_construct(max_frame_before_auth=4096)
    gateway: Any = SimpleNamespace(
        settings=settings, socket_logger=None, limits=LIMITS, loop=still, services=None,
        flusher=Flusher(cast("asyncio.AbstractEventLoop", still)), outbox_limit=2**20,
    )  # fmt: skip
    for user in USERS:
        line = Connection(cast("Gateway", gateway), ip_address("127.0.0.1"))
        line.transport = cast("asyncio.Transport", still)
        line.session.receive(waiting(RequestFrame(1, Authenticate.op, {})), 0.0)
        line.session.accepted(user)
        hub.join(user, line)

    delivery = Delivery(keys(USERS), payload, (UUID(int=1), 1))

    def deliver() -> None:
        hub.deliver(delivery)
        while still.due:
            still.due.pop()()

    return deliver


def _entry(payload: bytes) -> Work:
    entry = Entry("node", 1, [Delivery(keys(USERS[:2]), payload, (UUID(int=3), 1))])
    return lambda: unpack(pack(entry))


def main(marks: str) -> None:
    library = ctypes.CDLL(marks)
    for name, (work, _) in works().items():
        for _ in range(TIMES):  # caches and specialised code are there afterwards
            work()
        gc.collect()
        gc.disable()
        library.begin()
        for _ in range(TIMES):
            work()
        library.end(name.encode())
        gc.enable()


if __name__ == "__main__":
    main(sys.argv[1])
