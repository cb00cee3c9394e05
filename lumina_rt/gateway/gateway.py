"""The listener, and what all connections of a node share."""

from __future__ import annotations

import asyncio
import http
import logging
import random
from collections.abc import Callable, Coroutine, Sized
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

from lumina_protocol.errors import CloseCode
from lumina_protocol.session import Hello
from websockets.http11 import Request

from lumina_rt import __version__
from lumina_rt.address import Address
from lumina_rt.config import Settings
from lumina_rt.gateway.admission import Admission
from lumina_rt.gateway.budget import Budget
from lumina_rt.gateway.connection import PATH, Connection
from lumina_rt.gateway.edge import Edge
from lumina_rt.gateway.flusher import Flusher
from lumina_rt.gateway.heartbeat import Wheel
from lumina_rt.gateway.tls import Certificates, TlsListener
from lumina_rt.hub import Hub
from lumina_rt.origin import may_connect
from lumina_rt.router import Services
from lumina_rt.session import Limits

BACKLOG = 4096
CUT_OFF = "this node is cut off, others are not; reconnect"
FOREIGN = (
    "Pages of this Origin may not connect here: LUMINA_ALLOWED_ORIGINS does not name it, "
    "or is empty and the Host header names another host.\n"
)
STOPPING = "this node is stopping; reconnect"


class HttpServer(Protocol):
    """Makes the protocols that HTTP connections are handed to; aiohttp's web.Server is one."""

    def __call__(self) -> asyncio.Protocol: ...

    @property
    def connections(self) -> Sized: ...


class Gateway:
    """Opens and closes connections. Made inside a running event loop."""

    def __init__(
        self,
        settings: Settings,
        services: Services,
        hub: Hub,
        http_protocol: HttpServer,
    ) -> None:
        """Raises ConfigError when a file for TLS is wrong."""
        self.settings = settings
        self.services = services
        self.hub = hub
        self.deaf = Hub(hub.frame, hub.max_sessions_per_user, hub.telemetry)
        """Bots that may not read: nothing is delivered here."""
        self.http_protocol = http_protocol
        self.telemetry = services.telemetry
        self.loop = asyncio.get_running_loop()
        self.flusher = Flusher(self.loop)
        self.outbox_limit = settings.outbox_bytes
        self.budget = Budget(settings.outbox_node_bytes)
        self.wheel = Wheel(settings.heartbeat_s)
        self.limits = Limits(
            requests_waiting=settings.max_requests_waiting,
            requests_together=settings.max_requests_together,
            requests_per_s=settings.requests_per_s,
            requests_burst=settings.requests_burst,
        )
        self.admission = Admission(
            settings.max_connections_per_address,
            settings.handshakes_per_s,
            settings.handshakes_burst,
        )
        self.certificates = Certificates.of(settings)
        self.socket_logger = logging.getLogger("websockets.server")
        self.connections: set[Connection] = set()
        self.strangers = 0
        self.lingering = 0
        """Connections that were refused and are still open."""
        """TCP connections that have not said yet what they want."""
        self.draining = False
        """The node is not ready any more, and is about to stop."""
        self.accepting = True
        self.cut_off = False
        """This node is in trouble, and others are not: clients are better off there."""
        self.has_ended: Callable[[UUID], bool] = lambda session_id: False
        """Whether a login has ended of late, see workers/revocations.py."""
        self._proxy_told = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | TlsListener | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self) -> int:
        """Start to accept; returns the port. Raises OSError when it cannot be had."""
        host, port, shared = self.settings.host, self.settings.port, self.settings.reuse_port
        if self.certificates:
            self._server = listener = TlsListener(self, self.certificates)
            return await listener.listen(host, port, BACKLOG, reuse_port=shared)
        self._server = server = await self.loop.create_server(
            lambda: Edge(self), host, port, backlog=BACKLOG, reuse_port=shared
        )
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def hello(self) -> Hello:
        settings = self.settings
        return Hello(
            server=f"lumina-rt/{__version__}",
            node=settings.node,
            time=int(self.services.now() * 1000),
            auth_timeout_ms=int(settings.auth_timeout_s * 1000),
            heartbeat_ms=int(settings.heartbeat_s * 1000),
            max_frame=settings.max_frame,
            max_frame_before_auth=settings.max_frame_before_auth,
        )

    @property
    def full(self) -> bool:
        open_now = len(self.connections) + self.strangers + len(self.http_protocol.connections)
        return open_now >= self.settings.max_connections

    @property
    def shut(self) -> str:
        """Why nobody is let in any more; empty when they are."""
        if not self.accepting:
            return "This node is stopping; connect again."
        return "This node is cut off; connect again." if self.cut_off else ""

    def refusal(self, request: Request) -> tuple[http.HTTPStatus, str] | None:
        """Why this handshake is refused, if it is."""
        if request.path.partition("?")[0] != PATH:
            self.telemetry.refused.labels("path").inc()
            return http.HTTPStatus.NOT_FOUND, f"The websocket is at {PATH}.\n"
        if self.shut:
            self.telemetry.refused.labels("cut_off" if self.accepting else "draining").inc()
            return http.HTTPStatus.SERVICE_UNAVAILABLE, f"{self.shut}\n"
        headers = request.headers
        host = (headers.get_all("Host") or [""])[0]
        if not may_connect(headers.get_all("Origin"), host, self.settings.allowed_origins):
            self.telemetry.refused.labels("origin").inc()
            return http.HTTPStatus.FORBIDDEN, FOREIGN
        return None

    def heard_of_a_proxy(self, peer: Address) -> None:
        """It is not trusted. Said once: strangers may do it as often as they like."""
        if not self._proxy_told:
            self._proxy_told = True
            self.telemetry.proxy_not_trusted(str(peer))

    def set_cut_off(self, cut_off: bool) -> None:
        """Send everybody elsewhere when it begins; accept again when it is over."""
        if cut_off is not self.cut_off:
            self.telemetry.log.warning("cut off" if cut_off else "not cut off any more")
            self.cut_off = cut_off
            if cut_off:
                self.send_away(CUT_OFF)

    def hub_of(self, connection: Connection) -> Hub:
        scopes = connection.ctx.scopes
        return self.hub if scopes is None or "read" in scopes else self.deaf

    def end(self, user_id: UUID, session_id: UUID) -> None:
        """This login, or token, is over: close its connections."""
        for hub in (self.hub, self.deaf):
            hub.end(user_id, session_id)

    def opened(self, connection: Connection) -> int:
        """Count a connection in; returns its place on the heartbeat wheel."""
        self.connections.add(connection)
        self._empty.clear()
        self.telemetry.connections.inc()
        return self.wheel.add(connection)

    def lost(self, connection: Connection) -> None:
        self.admission.leave(connection.address)
        if connection.session.user_id is not None:
            self.hub_of(connection).leave(connection.session.user_id, connection)
        if connection in self.connections:
            self.connections.remove(connection)
            self.wheel.remove(connection, connection.slot)
            self.telemetry.connection_closed(connection.close_code)
            if not self.connections:
                self._empty.set()

    def spawn(self, serving: Coroutine[Any, Any, None]) -> None:
        """Run a connection's requests. It outlives the connection: a write begun is finished."""
        task = self.loop.create_task(serving)
        self._tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.telemetry.task_failed("serve", error, 0)

    async def drain(self) -> None:
        """Let the balancer notice, stop accepting, finish what is under way, and send everybody
        elsewhere, each at a moment of its own. Takes `drain_wait_s` and `drain_s` at most."""
        if self.draining:
            return
        self.draining = True
        await asyncio.sleep(self.settings.drain_wait_s)
        self.accepting = False
        if self._server:
            self._server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_s):
                self.send_away(STOPPING)
                await self._emptied()

    def send_away(self, why: str) -> None:
        """Not all at once, or they would come back as one crowd."""
        spread_s = min(self.settings.drain_spread_s, self.settings.drain_s)
        for connection in tuple(self.connections):
            self.loop.call_later(random.uniform(0, spread_s), connection.leave, why)

    async def _emptied(self) -> None:
        """Wait until nobody is left, and what they have asked for is done: also what they ask
        while we wait, and what outlives its connection."""
        while self.connections or self._tasks:
            await self._empty.wait()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def close_all(self, code: CloseCode, reason: str, within_s: float) -> None:
        """Close the connections of now, answered or not, at random moments likewise."""
        for connection in self.connections:
            delay = random.uniform(0, within_s)
            self.loop.call_later(delay, self._close, connection, code, reason)

    def _close(self, connection: Connection, code: CloseCode, reason: str) -> None:
        if connection in self.connections:
            connection.close(code, reason)

    def abort(self) -> None:
        """Cut the lines of those who have not left."""
        if isinstance(self._server, TlsListener):
            self._server.abort()
        for connection in tuple(self.connections):
            connection.transport.abort()
