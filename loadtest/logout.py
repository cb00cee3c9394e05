"""How long it takes from "log out everywhere" until the last socket is closed, over two nodes."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from lumina_protocol.accounts import Login, Register, Tokens
from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import CloseCode
from lumina_protocol.logins import EndOtherSessions
from lumina_protocol.session import Authenticate

from loadtest import interrupt
from loadtest.errors import Violation
from loadtest.screen import Figure, Result, Screen
from loadtest.stage import ground, running
from lumina_rt.client.link import Link

PASSWORD = "correct horse battery"  # noqa: S105
LIMIT_S = 30


@dataclass(slots=True)
class Socket:
    link: Link
    reading: asyncio.Task[None] = field(init=False)
    closed_at: float = 0.0
    code: int = 0

    def __post_init__(self) -> None:
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        self.code = (await self.link.read()).code
        self.closed_at = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Logout:
    logins: int
    """Each with a socket on either node, and one more that asks."""

    def prepare(self) -> None:
        """Nothing has to be there."""

    def measure(self, screen: Screen) -> Result:
        """Raises LoadTestError, or what the SDK or `stage` raise."""
        with (
            ground(screen) as there,
            running(screen, there.settings) as one,
            running(screen, there.settings) as other,
        ):
            return Result(interrupt.run(self._run(screen, [one.url, other.url])), [])

    async def _run(self, screen: Screen, urls: list[str]) -> list[Figure]:
        async with AsyncExitStack() as stack:
            asking = await _open(stack, urls[0])
            account = Register(username="alice", password=PASSWORD)
            await _authenticate(asking, await asking.link.call(account))
            sockets = []
            with screen.bar(f"opening {2 * self.logins} sockets", self.logins) as advance:
                for done in range(self.logins):
                    login = Login(username="alice", password=PASSWORD)
                    tokens = await asking.link.call(login)
                    sockets += [await _opened(stack, url, tokens) for url in urls]
                    advance(done + 1)
            began = time.perf_counter()
            await asking.link.call(EndOtherSessions())
            answered = time.perf_counter()
            await asyncio.wait([each.reading for each in sockets], timeout=LIMIT_S)
        if {each.code for each in sockets} != {CloseCode.SESSION_ENDED}:
            raise Violation("a socket was not closed, or for another reason")
        after = sorted((each.closed_at - began) * 1000 for each in sockets)
        return [
            Figure("answered", "ms", (answered - began) * 1000, 1),
            Figure("half of the sockets closed", "ms", after[len(after) // 2], 1),
            Figure("the last socket closed", "ms", after[-1], 1),
        ]


async def _open(stack: AsyncExitStack, url: str) -> Socket:
    socket = Socket(await Link.open(url, MSGPACK, lambda event: None))
    stack.push_async_callback(asyncio.wait, [socket.reading])
    stack.push_async_callback(socket.link.close)
    return socket


async def _opened(stack: AsyncExitStack, url: str, tokens: Tokens) -> Socket:
    socket = await _open(stack, url)
    await _authenticate(socket, tokens)
    return socket


async def _authenticate(socket: Socket, tokens: Tokens) -> None:
    await socket.link.call(Authenticate(token=tokens.token))
