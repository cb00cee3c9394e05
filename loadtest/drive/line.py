"""A websocket that costs little: whole frames in, ready-made frames out (RFC 6455 section 5.2)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from loadtest.receiver import (
    END_OF_HEAD,
    FIN_BINARY,
    FIN_CLOSE,
    FIN_PING,
    FIN_PONG,
    client_frame,
    next_frame,
    opening_of,
)

ABNORMAL = 1006
PORTS = {"ws": 80, "wss": 443}
Take = Callable[[bytes], None]
Ended = Callable[[int, str], None]


class Lost(Exception):
    """The connection has ended, and with it what was asked on it."""


class Line(asyncio.Protocol):
    """`take` is called with each message, `ended` once, with a close code and why."""

    __slots__ = ("_ended", "_opening", "_rest", "_take", "_transport", "_upgraded")

    def __init__(self, opening: bytes, take: Take, ended: Ended) -> None:
        self._opening = opening
        self._take = take
        self._ended: Ended | None = ended
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._upgraded = False

    @classmethod
    async def open(cls, url: str, source: str | None, take: Take, ended: Ended) -> Line:
        """`source` is the address that we come from. Raises OSError."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)
        line = cls(opening_of(parts.path or "/", parts.netloc), take, ended)
        await asyncio.get_running_loop().create_connection(
            lambda: line, host, port,
            ssl=ssl.create_default_context() if parts.scheme == "wss" else None,
            local_addr=(source, 0) if source else None,
        )  # fmt: skip
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._opening)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0
        if not self._upgraded and not (at := self._shake_hands(data)):
            self._rest = data
            return
        while found := next_frame(data, at):
            start, end = found
            first, at = data[at], end
            if first == FIN_BINARY:
                self._take(data[start:end])
            else:
                self._control(first, data[start:end])
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ABNORMAL, str(exc or "end of stream"))

    def write(self, payload: bytes) -> None:
        """A whole message. When the connection has ended meanwhile, nothing happens."""
        if self._transport:
            self._transport.write(client_frame(payload))

    def cut(self) -> None:
        """Without a word, as when the phone is in a tunnel; `ended` is not called any more."""
        self._ended = None
        if self._transport:
            self._transport.abort()

    def _end(self, code: int, why: str) -> None:
        ended, self._ended = self._ended, None
        if ended:
            ended(code, why)

    def _shake_hands(self, data: bytes) -> int:
        """The length of the head of the response; 0 while it is incomplete, or a refusal."""
        end = data.find(END_OF_HEAD)
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self._end(ABNORMAL, f"the handshake was answered with {data[9:12].decode('ascii')}")
            self.cut()
            return 0
        self._upgraded = True
        return end + len(END_OF_HEAD)

    def _control(self, first: int, payload: bytes) -> None:
        if first == FIN_PING and self._transport:
            self._transport.write(client_frame(payload, FIN_PONG))
        elif first == FIN_CLOSE:
            why = payload[2:].decode(errors="replace")
            self._end(int.from_bytes(payload[:2], "big"), why)
            self.cut()
