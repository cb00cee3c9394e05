"""Runs under callgrind: each piece of work several times, between two marks.

valgrind --tool=callgrind --instr-atstart=no python -m loadtest.bench.counted MARKS
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from uuid import UUID

from lumina_protocol.codec import JSON, MSGPACK, Codec, transcode
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import RequestFrame
from lumina_protocol.messages import SendMessage
from lumina_protocol.session import Authenticate

from loadtest.bench.ratios import an_event
from lumina_rt.bus.entry import Delivery, Entry, Place, pack, unpack
from lumina_rt.gateway.framing import websocket_frame
from lumina_rt.hub import Hub
from lumina_rt.router import waiting
from lumina_rt.session import Limits, Session
from lumina_rt.telemetry import Telemetry

TIMES = 50
RECEIVERS = 100
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
    users = tuple(UUID(int=n) for n in range(1, RECEIVERS + 1))
    for user in users:
        hub.join(user, Line(MSGPACK))
    delivery = Delivery(users, payload, (UUID(int=1), 1))
    return lambda: hub.deliver(delivery)


def _entry(payload: bytes) -> Work:
    users = UUID(int=1), UUID(int=2)
    entry = Entry("node", 1, [Delivery(users, payload, (UUID(int=3), 1))])
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
