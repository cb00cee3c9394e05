"""TLS for the public port, for who has no proxy that does it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from lumina_rt.config import ConfigError, Settings
from lumina_rt.gateway.connection import CLOSE_TIMEOUT_S
from lumina_rt.gateway.edge import Edge

if TYPE_CHECKING:
    from lumina_rt.gateway.gateway import Gateway

ACCEPT_AGAIN_S = 0.5
"""After the system has refused to accept, for want of file descriptors for example."""


class Certificates:
    """What new connections are greeted with: one context, replaced as a whole."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises ConfigError, which names the setting."""
        self._cert, self._key = cert, key
        self.context = self._load()

    @classmethod
    def of(cls, settings: Settings) -> Certificates | None:
        """Raises ConfigError, which names the setting."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(settings.tls_cert, settings.tls_key)

    def load_anew(self) -> None:
        """Raises ConfigError, and then goes on with what it has."""
        self.context = self._load()

    def _load(self) -> ssl.SSLContext:
        _check_readable("LUMINA_TLS_CERT", self._cert)
        _check_readable("LUMINA_TLS_KEY", self._key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # Into one of its own: here it would be trusted to sign the certificates of clients.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(self._cert)
        except ssl.SSLError as error:
            raise ConfigError(
                f"LUMINA_TLS_CERT: {self._cert} holds no certificate in PEM ({_reason(error)})"
            ) from None
        try:  # without a password OpenSSL would ask on the terminal
            context.load_cert_chain(self._cert, self._key, password="")
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(
                f"LUMINA_TLS_KEY: {self._key} is no key in PEM, without a password, of the "
                f"certificate of LUMINA_TLS_CERT ({_reason(error)})"
            ) from None
        return context


def _check_readable(setting: str, file: Path) -> None:
    try:
        file.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{setting}: {file} cannot be read ({error.strerror})") from None


def _reason(error: Exception) -> str:
    return (isinstance(error, ssl.SSLError) and error.reason) or str(error)


class TlsListener:
    """Accepts connections itself: the event loop's own listener tells of none before its TLS
    handshake is done, so that those who never finish it would not be counted."""

    def __init__(self, gateway: Gateway, certificates: Certificates) -> None:
        self._gateway, self._certificates = gateway, certificates
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._greeting: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool) -> int:
        """Returns the port. Raises OSError when it cannot be had."""
        loop = self._gateway.loop
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, _, _, _, where in dict.fromkeys(found):
                sock = socket.create_server(
                    where, family=family, backlog=backlog, reuse_port=reuse_port
                )
                sock.setblocking(False)
                self._sockets.append(sock)
        except OSError:
            for sock in self._sockets:
                sock.close()
            raise
        self._accepting = [loop.create_task(self._accept(sock)) for sock in self._sockets]
        bound: int = self._sockets[0].getsockname()[1]
        return bound

    def close(self) -> None:
        """Accept no more; who is being greeted is greeted."""
        for task in self._accepting:
            task.cancel()

    def abort(self) -> None:
        """Cut the lines of those who are being greeted too."""
        self.close()
        for task in self._greeting:
            task.cancel()

    async def _accept(self, listening: socket.socket) -> None:
        with listening:
            while True:
                try:
                    sock, peer = await self._gateway.loop.sock_accept(listening)
                except OSError as error:
                    self._gateway.telemetry.task_failed("gateway.accept", error, ACCEPT_AGAIN_S)
                    await asyncio.sleep(ACCEPT_AGAIN_S)
                else:
                    self._take(sock, peer)

    def _take(self, sock: socket.socket, peer: object) -> None:
        edge = Edge(self._gateway)
        if edge.arrive(peer):  # to tell them why would cost the handshake
            sock.close()
            return
        task = self._gateway.loop.create_task(self._greet(sock, edge))
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)

    async def _greet(self, sock: socket.socket, edge: Edge) -> None:
        settings = self._gateway.settings
        try:
            await self._gateway.loop.connect_accepted_socket(
                lambda: edge,
                sock,
                ssl=self._certificates.context,
                ssl_handshake_timeout=settings.header_timeout_s,
                ssl_shutdown_timeout=CLOSE_TIMEOUT_S,
            )
        except BaseException as error:
            self._gateway.telemetry.refused.labels("tls").inc()
            sock.close()
            edge.depart()
            if not isinstance(error, OSError):  # of which ssl.SSLError is one
                raise
