"""Receivers that cost little, so that a thousand of them leave the machine to the server.

The SDK makes models of what it gets; that costs more than the server spends on sending it. A
receiver here reads the frame headers (RFC 6455 section 5.2), answers pings, counts, and keeps a
running CRC-32 of the payloads. An event is the same bytes for everybody, so a receiver with the
frame count and the CRC of one that was decoded has got the same messages in the same order.
Only a sample keeps its payloads, to be decoded afterwards (verify.py).
"""

from __future__ import annotations

import asyncio
import base64
import os
import zlib
from collections.abc import Callable
from typing import cast

from lumina_protocol.codec import MSGPACK
from lumina_protocol.frame import EventFrame, ReplyFrame
from lumina_protocol.messages import MessageCreated
from lumina_protocol.session import Authenticate, Ping

from loadtest.errors import Broken, Stalled

STALL_S = 30
"""How long a wait may last without a single new frame."""
END_OF_HEAD = b"\r\n\r\n"
FIN_BINARY, FIN_CLOSE, FIN_PING, FIN_PONG = 0x82, 0x88, 0x89, 0x8A
NO_MASK = bytes(4)
"""A mask of zeros is a mask (section 5.3), and leaves the payload as it is."""


def client_frame(payload: bytes, first: int = FIN_BINARY) -> bytes:
    """A complete frame as a client sends it. Up to 65,535 bytes of payload."""
    size = len(payload)
    if size < 126:
        return bytes((first, 0x80 | size)) + NO_MASK + payload
    return bytes((first, 0x80 | 126)) + size.to_bytes(2, "big") + NO_MASK + payload


def next_frame(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins and ends; None while it is incomplete."""
    had = len(data) - at
    if had < 2:
        return None
    start, size = at + 2, data[at + 1]
    if size >= 126:
        wide = 2 if size == 126 else 8
        if had < 2 + wide:
            return None
        start += wide
        size = int.from_bytes(data[at + 2 : start], "big")
    end = start + size
    return (start, end) if end <= len(data) else None


LAST_PING = client_frame(MSGPACK.request(2, Ping()))
MESSAGE = MSGPACK.pack((4, MessageCreated.type, {}))[:-1]
"""How the event of a new message begins."""
LAST_PONG = b"\x93\x02\x02"  # how [2, 2, body] begins in MessagePack, and no event does


class Crowd:
    """What the receivers of one measurement share: a count, a bell, and the first failure."""

    def __init__(self) -> None:
        self.frames = 0
        """Counted ones, of all receivers together."""
        self._wanted = 0
        self._bell: asyncio.Future[None] | None = None
        self._failure: Broken | None = None
        self._leaving = False

    def took(self, frames: int) -> None:
        self.frames += frames
        if self.frames >= self._wanted:
            self._ring()

    def fail(self, failure: Broken) -> None:
        if not self._leaving:
            self._failure = self._failure or failure
            self._ring()

    def leave(self) -> None:
        """From here on receivers may break: we are closing them."""
        self._leaving = True

    def check(self) -> None:
        """Raises Broken when a receiver has failed."""
        if self._failure:
            raise self._failure

    async def until(self, frames: int) -> None:
        """Wait for the count to reach `frames`. Raises Broken, or Stalled when nothing moves."""
        while self._failure is None and self.frames < frames:
            before = self.frames
            self._wanted = frames
            self._bell = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._bell], timeout=STALL_S)
            if self.frames == before and self._failure is None:
                raise Stalled(f"{frames} frames were due; {before} came, then none in {STALL_S} s")
        self.check()

    def _ring(self) -> None:
        if self._bell and not self._bell.done():
            self._bell.set_result(None)


class Receiver(asyncio.Protocol):
    """One websocket. `ready` is done when its frames begin to be counted."""

    __slots__ = ("_crowd", "_ended", "_on_frame", "_opening", "_rest", "_token", "crc", "frames",
                 "kept", "ready", "transport")  # fmt: skip

    def __init__(self, crowd: Crowd, opening: bytes, token: str | None, *, keep: bool) -> None:
        """`opening` is an HTTP request. Without a token, whatever comes after it is counted."""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.frames = 0
        self.crc = 0
        self.kept: list[bytes] | None = [] if keep else None
        self.transport: asyncio.Transport | None = None
        self._crowd = crowd
        self._ended: asyncio.Future[None] | None = None
        self._opening = opening
        self._token = token
        self._rest = b""
        self._on_frame: Callable[[bytes], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.write(self._opening)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        before, at = self.frames, 0
        if self._on_frame is None and not (at := self._shake_hands(data)):
            self._rest = data
            return
        while found := next_frame(data, at):
            start, end = found
            if data[at] == FIN_BINARY and self._on_frame:
                self._on_frame(data[start:end])
            else:
                self._control(data[at], data[start:end])
            at = end
        self._rest = data[at:]
        if self.frames > before:
            self._crowd.took(self.frames - before)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"the server ended a connection: {exc or 'end of stream'}")

    def write(self, data: bytes) -> None:
        assert self.transport
        self.transport.write(data)

    def cut(self) -> None:
        """Close without a word. Does nothing when it was never open."""
        if self.transport:
            self.transport.abort()

    def ask_for_the_end(self) -> asyncio.Future[None]:
        """Done when the server has answered a ping: replies do not overtake events, so by then
        all has come that was queued for us before."""
        self._ended = asyncio.get_running_loop().create_future()
        self._on_frame = self._count_or_end
        self.write(LAST_PING)
        return self._ended

    def count(self, payload: bytes) -> None:
        """Take what came after the handshake; of a user, the new messages. Of notifications, which
        are told as well, one has more than another."""
        if self._token is not None and not payload.startswith(MESSAGE):
            return
        self.frames += 1
        self.crc = zlib.crc32(payload, self.crc)
        if self.kept is not None:
            self.kept.append(payload)

    def fail(self, why: str) -> None:
        """End the wait of whoever waits for this one, or for its crowd."""
        failure = Broken(why)
        if not self.ready.done():
            self.ready.set_exception(failure)
            self.ready.exception()  # seen: nobody may be waiting any more
        if self._ended and not self._ended.done():
            self._ended.set_result(None)
        self._crowd.fail(failure)

    def _shake_hands(self, data: bytes) -> int:
        """The length of the response head; 0 while it is incomplete, or when we are refused."""
        end = data.find(END_OF_HEAD)
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self.fail(f"the handshake was answered with {data[:200].decode(errors='replace')!r}")
            return 0
        if self._token is None:
            self._on_frame = self.count
            self.ready.set_result(None)
        else:
            self._on_frame = self._authenticate
        return end + len(END_OF_HEAD)

    def _authenticate(self, payload: bytes) -> None:
        """Hello comes first, then the answer to our token, then what is counted."""
        match MSGPACK.decode(payload):
            case EventFrame("hello"):
                request = MSGPACK.request(1, Authenticate(token=self._token or ""))
                self.write(client_frame(request))
            case ReplyFrame(1):
                self._on_frame = self.count
                self.ready.set_result(None)
            case other:
                self.fail(f"instead of hello and ready came {other}")

    def _count_or_end(self, payload: bytes) -> None:
        if self._ended and payload.startswith(LAST_PONG):
            self._ended.set_result(None)
        else:
            self.count(payload)

    def _control(self, first: int, payload: bytes) -> None:
        if first == FIN_PING:
            self.write(client_frame(payload, FIN_PONG))
        elif first == FIN_CLOSE:
            code = int.from_bytes(payload[:2], "big")
            self.fail(f"the server closed with {code}: {payload[2:].decode(errors='replace')}")
        else:
            self.fail(f"a frame began with {first:#x}, which no server here sends")


def opening_of(path: str, host: str) -> bytes:
    """An opening handshake (RFC 6455 section 4.1). Its key is not checked in the answer."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {MSGPACK.subprotocol}\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
    ).encode()
