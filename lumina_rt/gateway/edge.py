"""The first bytes of a TCP connection decide: websocket, or HTTP on the same port."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, NamedTuple, cast

from lumina_rt.address import Address, client_address, is_trusted, parse_address
from lumina_rt.gateway.connection import CLOSE_TIMEOUT_S, Connection, end_of_stream

if TYPE_CHECKING:
    from lumina_rt.gateway.gateway import Gateway

MAX_HEAD = 16_384
LINE_END, END_OF_HEAD = b"\r\n", b"\r\n\r\n"
UPGRADE = re.compile(rb"\r\nupgrade:[^\r\n]*\bwebsocket\b", re.IGNORECASE)
FORWARDED_FOR = re.compile(rb"\r\nx-forwarded-for:([^\r\n]*)", re.IGNORECASE)
MOST_LINGERING = 1000
"""Refused connections of a node that are still open so that they can read why; of more, the next
one is cut without a word."""
ROOM_AGAIN_S = 10
"""When to try again, for an address that has too many connections."""


class Refusal(NamedTuple):
    status: str
    why: str
    label: str
    """In the metrics."""
    retry_after_s: int | None = None


LATE = Refusal("408 Request Timeout", "The request head did not come in time.", "head")
TOO_LARGE = Refusal(
    "431 Request Header Fields Too Large",
    f"The request head is larger than {MAX_HEAD} bytes.",
    "head",
)
FULL = Refusal("503 Service Unavailable", "Too many connections; try again.", "full")
GONE = Refusal("400 Bad Request", "The connection is gone.", "gone")
CROWDED = Refusal(
    "429 Too Many Requests",
    "Your address has LUMINA_MAX_CONNECTIONS_PER_ADDRESS connections here. If it is the address "
    "of a proxy, name it in LUMINA_TRUSTED_PROXIES.",
    "address",
    ROOM_AGAIN_S,
)
HASTY = Refusal(
    "429 Too Many Requests",
    "Your address opens more websockets than LUMINA_HANDSHAKES_PER_S. If it is the address of a "
    "proxy, name it in LUMINA_TRUSTED_PROXIES.",
    "handshakes",
)


class Edge(asyncio.Protocol):
    """Reads the head of the first request, then hands the transport over, bytes and all."""

    __slots__ = ("address", "counted", "gateway", "head", "lingers", "proxied", "refused", "timer",
                 "transport")  # fmt: skip

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.head = bytearray()
        self.refused = False
        self.address: Address | None = None
        """Of the peer, and once the head is there, of the client."""
        self.proxied = False
        """By a proxy that is trusted: it counts for nothing until it says for whom it speaks."""
        self.counted = False
        self.lingers = False

    def arrive(self, peer: object) -> Refusal | None:
        """Count a connection in, by what the socket says of its peer; once, as soon as it is
        accepted. None: it may come in, and `depart` counts it out if it is lost before
        `connection_made`."""
        try:
            self.address = parse_address(cast("tuple[str, int]", peer)[0])
        except (TypeError, IndexError, ValueError):  # it has been cut already
            return self._counted_out(GONE)
        self.proxied = is_trusted(self.address, self.gateway.settings.trusted_proxies)
        if self.gateway.full:
            return self._counted_out(FULL)
        if not self.proxied and not self.gateway.admission.enter(self.address):
            return self._counted_out(CROWDED)
        self.counted = not self.proxied
        self.gateway.strangers += 1
        return None

    def _counted_out(self, refusal: Refusal) -> Refusal:
        self.refused = True
        self.gateway.telemetry.refused.labels(refusal.label).inc()
        return refusal

    def depart(self) -> None:
        """Count it out, if it still counts."""
        if not self.refused:
            self.refused = True
            self.gateway.strangers -= 1
            self._leave()

    def _leave(self) -> None:
        if self.counted and self.address:
            self.counted = False
            self.gateway.admission.leave(self.address)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.timer = self.gateway.loop.call_later(
            self.gateway.settings.header_timeout_s, self._refuse, LATE
        )
        if self.address is None and (refusal := self.arrive(transport.get_extra_info("peername"))):
            self._answer(refusal)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.head += data
        while self.head.startswith(LINE_END):  # RFC 9112 section 2.2: empty lines may come first
            del self.head[: len(LINE_END)]
        end = self.head.find(END_OF_HEAD)
        if (len(self.head) if end < 0 else end) > MAX_HEAD:
            self._refuse(TOO_LARGE)
        elif end >= 0:
            self._decide(end + len(END_OF_HEAD))

    def connection_lost(self, exc: Exception | None) -> None:
        self.timer.cancel()
        self.depart()
        self.gateway.lingering -= self.lingers

    def _decide(self, size: int) -> None:
        head, rest = bytes(self.head[:size]), bytes(self.head[size:])
        if not UPGRADE.search(head):
            self._hand_over(Http(self.gateway.http_protocol(), self._leave), head, rest)
        elif refusal := self._knock(head):
            self._refuse(refusal)
        else:
            assert self.address is not None
            self._hand_over(Connection(self.gateway, self.address), head, rest)

    def _knock(self, head: bytes) -> Refusal | None:
        """Why the client that asks for a websocket is not let in, if it is not. From here on the
        connection counts to the client, not to its proxy; Gateway.lost counts it out."""
        assert self.address is not None
        if self.proxied:
            said = [value.decode("latin-1") for value in FORWARDED_FOR.findall(head)]
            trusted = self.gateway.settings.trusted_proxies
            self.address = client_address(self.address, said, trusted)
            if not self.gateway.admission.enter(self.address):
                return CROWDED
            self.counted = True
        elif self.address.is_private and FORWARDED_FOR.search(head):
            self.gateway.heard_of_a_proxy(self.address)
        wait_s = self.gateway.admission.shake(self.address, self.gateway.loop.time())
        return HASTY._replace(retry_after_s=ceil(wait_s)) if wait_s else None

    def _hand_over(self, protocol: asyncio.Protocol, head: bytes, rest: bytes) -> None:
        """In two parts, so that the head is answered before what came with it is looked at."""
        self.timer.cancel()
        self.gateway.strangers -= 1
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(head)
        if rest and not self.transport.is_closing():
            protocol.data_received(rest)

    def _refuse(self, refusal: Refusal) -> None:
        self.gateway.telemetry.refused.labels(refusal.label).inc()
        self.depart()
        self._answer(refusal)

    def _answer(self, refusal: Refusal) -> None:
        """Then pass over what still comes: to close while there is something unread would reset
        the connection, and the answer with it (RFC 9112 section 9.6)."""
        if self.gateway.lingering >= MOST_LINGERING:
            self.transport.abort()
            return
        self.lingers = True
        self.gateway.lingering += 1
        self.head.clear()
        body = f"{refusal.why}\n".encode()
        retry = f"Retry-After: {refusal.retry_after_s}\r\n" if refusal.retry_after_s else ""
        self.transport.write(
            f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain; charset=utf-8\r\n{retry}"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        end_of_stream(self.transport)
        self.timer.cancel()
        self.timer = self.gateway.loop.call_later(CLOSE_TIMEOUT_S, self.transport.abort)


class Http(asyncio.Protocol):
    """What HTTP is handed to; it counts until it ends."""

    __slots__ = ("ended", "inner")

    def __init__(self, inner: asyncio.Protocol, ended: Callable[[], None]) -> None:
        self.inner, self.ended = inner, ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended()
        self.inner.connection_lost(exc)
