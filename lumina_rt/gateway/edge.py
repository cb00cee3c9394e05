"""The first bytes of a TCP connection decide: websocket, or HTTP on the same port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from lumina_rt.gateway.connection import Connection

if TYPE_CHECKING:
    from lumina_rt.gateway.gateway import Gateway

MAX_HEAD = 16_384
END_OF_HEAD = b"\r\n\r\n"


class Edge(asyncio.Protocol):
    """Reads the head of the first request, then hands the transport over, bytes and all."""

    __slots__ = ("gateway", "head", "timer", "transport")

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.head = bytearray()

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
        self.head += data
        end = self.head.find(END_OF_HEAD)
        if end >= 0:
            self._hand_over(bytes(self.head[:end]).lower())
        elif len(self.head) > MAX_HEAD:
            why = f"The request head is larger than {MAX_HEAD} bytes."
            self._refuse("431 Request Header Fields Too Large", why, "head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _hand_over(self, head: bytes) -> None:
        self._leave()
        upgrade = b"\r\nupgrade: websocket" in head
        protocol = Connection(self.gateway) if upgrade else self.gateway.http_protocol()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(bytes(self.head))

    def _leave(self) -> None:
        self.timer.cancel()
        self.gateway.strangers -= 1

    def _refuse(self, status: str, why: str, label: str) -> None:
        self.gateway.telemetry.refused.labels(label).inc()
        body = f"{why}\n".encode()
        self.transport.write(
            f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        self.transport.close()
