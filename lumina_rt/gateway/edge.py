"""The first bytes of a TCP connection decide: websocket, or HTTP on the same port."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

from lumina_rt.gateway.connection import CLOSE_TIMEOUT_S, Connection

if TYPE_CHECKING:
    from lumina_rt.gateway.gateway import Gateway

MAX_HEAD = 16_384
LINE_END, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*\bwebsocket\b", re.IGNORECASE)


class Edge(asyncio.Protocol):
    """Reads the head of the first request, then hands the transport over, bytes and all."""

    __slots__ = ("gateway", "head", "refused", "timer", "transport")

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.head = bytearray()
        self.refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.timer = self.gateway.loop.call_later(
            self.gateway.settings.header_timeout_s,
            self._refuse, "408 Request Timeout", "The request head did not come in time.", "head",
        )  # fmt: skip
        full = self.gateway.full
        self.gateway.strangers += 1
        if full:
            self._refuse("503 Service Unavailable", "Too many connections; try again.", "full")

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.head += data
        while self.head.startswith(LINE_END):  # RFC 9112 section 2.2: empty lines may come first
            del self.head[: len(LINE_END)]
        end = self.head.find(END_OF_HEAD)
        if (len(self.head) if end < 0 else end) > MAX_HEAD:
            why = f"The request head is larger than {MAX_HEAD} bytes."
            self._refuse("431 Request Header Fields Too Large", why, "head")
        elif end >= 0:
            self._hand_over(end + len(END_OF_HEAD))

    def connection_lost(self, exc: Exception | None) -> None:
        self.timer.cancel()
        if not self.refused:
            self.gateway.strangers -= 1

    def _hand_over(self, size: int) -> None:
        """In two parts, so that the head is answered before what came with it is looked at."""
        self.timer.cancel()
        self.gateway.strangers -= 1
        head, rest = bytes(self.head[:size]), bytes(self.head[size:])
        upgrade = UPGRADE.search(head)
        protocol = Connection(self.gateway) if upgrade else self.gateway.http_protocol()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(head)
        if rest and not self.transport.is_closing():
            protocol.data_received(rest)

    def _refuse(self, status: str, why: str, label: str) -> None:
        """Answer, then pass over what still comes: to close while there is something unread would
        reset the connection, and the answer with it (RFC 9112 section 9.6)."""
        self.gateway.telemetry.refused.labels(label).inc()
        self.refused = True
        self.gateway.strangers -= 1
        self.head.clear()
        body = f"{why}\n".encode()
        self.transport.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.write_eof()
        self.timer.cancel()
        self.timer = self.gateway.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)
