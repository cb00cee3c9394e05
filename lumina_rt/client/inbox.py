"""Events on their way to the app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.session import Ready, Resumed

from lumina_rt.client.errors import Overflow

LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Connected:
    """The client is connected, again after the first time. What was missed has been told."""

    ready: Ready | None
    resumed: Resumed | None = None
    """`reset`: not all of the own stream; read `conversation.list` anew."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The connection broke; the client is trying to connect again."""

    code: int
    reason: str


News = Event | EventFrame | Connected | Interrupted
"""An EventFrame is an event of a type that this SDK does not know yet."""


class Inbox:
    """An async iterator over what arrives from its opening on."""

    def __init__(
        self, limit: int = LIMIT, *, taken: Callable[[News], None] = lambda news: None
    ) -> None:
        """`taken` is told of what the app has got."""
        self._taken = taken
        self._queue: asyncio.Queue[News | Exception] = asyncio.Queue()
        self._limit = limit

    def put(self, news: News) -> None:
        if self._queue.qsize() < self._limit:
            self._queue.put_nowait(news)
        elif self._queue.qsize() == self._limit:
            self.fail(Overflow(f"{self._limit} events wait and none was taken"))

    def fail(self, error: Exception) -> None:
        """Raise this in the reader, once it has taken what came before."""
        self._queue.put_nowait(error)

    def __aiter__(self) -> AsyncIterator[News]:
        return self

    async def __anext__(self) -> News:
        news = await self._queue.get()
        if isinstance(news, Exception):
            self._queue.put_nowait(news)  # it stays true for whoever asks again
            raise news
        self._taken(news)
        return news
