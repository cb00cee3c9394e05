"""What clients say to each server, for the same two kinds of work with 128 bytes of content.

Fan-out: one frame asks for a message to all. Echo: each client sends the next frame when the one
before has come back, as long as there is something left to send.
"""

from __future__ import annotations

import zlib

from lumina_protocol.codec import MSGPACK
from lumina_protocol.session import Ping

from loadtest.fanout import CONTENT
from loadtest.gather import PATH
from loadtest.pairs import REPLY, Budget
from loadtest.receiver import Crowd, Receiver, client_frame, opening_of

FIN_TEXT = 0x81
TO_ALL = b"m" + CONTENT[1:].encode()
BACK = b"e" + CONTENT[1:].encode()


class Echoing(Receiver):
    """A bare websocket. With a budget, it answers what comes back with the next frame."""

    __slots__ = ("_budget", "_host")
    path = PATH
    token: str | None = None
    to_all = client_frame(TO_ALL)
    """Asks for a message to all."""
    back = client_frame(BACK)
    """Asks for an answer."""
    answer = BACK
    """How an answer begins."""

    def __init__(
        self, crowd: Crowd, host: str, budget: Budget | None = None, token: str | None = None
    ) -> None:
        """`host` is a name and a port."""
        super().__init__(crowd, opening_of(self.path, host), token or self.token, keep=False)
        self._budget = budget

    def send(self) -> None:
        """The next one, if there is one left."""
        if self._budget and self._budget.left > 0:
            self._budget.left -= 1
            self.write(self.back)

    def count(self, payload: bytes) -> None:
        """All that comes: these servers tell nothing else, and who pings is told nothing."""
        self.frames += 1
        self.crc = zlib.crc32(payload, self.crc)
        if self._budget:
            if not payload.startswith(self.answer):
                self.fail(f"instead of an answer came {payload[:200]!r}")
            self.send()


class Pinging(Echoing):
    """Lumina's own ping; there is no request that only gives back what it was given."""

    __slots__ = ()
    back = client_frame(MSGPACK.request(3, Ping()))
    answer = REPLY


class SocketIo(Echoing):
    """Engine.IO 4 and Socket.IO 5, as far as needed (socket.io-protocol, README.md): `0` opens,
    `40` connects, `42` is an event, `2` is a ping and `3` its answer."""

    __slots__ = ()
    path = "/socket.io/?EIO=4&transport=websocket"
    token = ""  # ready when the connection is confirmed
    to_all = client_frame(f'42["m","{CONTENT}"]'.encode(), FIN_TEXT)
    back = client_frame(f'42["e","{CONTENT}"]'.encode(), FIN_TEXT)
    answer = f'42["e","{CONTENT}"]'.encode()

    def _control(self, first: int, payload: bytes) -> None:
        if first == FIN_TEXT:
            self._packet(payload)
        else:
            super()._control(first, payload)

    def _packet(self, packet: bytes) -> None:
        if packet.startswith(b"42"):
            self.count(packet)
        elif packet == b"2":
            self.write(client_frame(b"3", FIN_TEXT))
        elif packet.startswith(b"40"):
            self.ready.set_result(None)
        elif packet.startswith(b"0{"):
            self.write(client_frame(b"40", FIN_TEXT))
        else:
            self.fail(f"socket.io sent {packet[:200]!r}")
