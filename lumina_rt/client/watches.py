"""What an app watches, watched again on each new connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Event, EventFrame, Request
from lumina_protocol.watches import Unwatch, Watch, Watched, WatchEnded

from lumina_rt.client.backoff import delays
from lumina_rt.client.errors import CallTimeout, Disconnected

Call = Callable[[Request[Any]], Awaitable[Any]]


class Watches:
    """Of one client. The snapshot of a new connection is told as an event; an end as well."""

    def __init__(self, call: Call, tell: Callable[[Event], None]) -> None:
        self._call, self._tell = call, tell
        self._watched: dict[tuple[str, UUID], Watch] = {}
        self.again: asyncio.Task[None] | None = None

    async def watch(self, asked: Watch) -> Watched:
        watched: Watched = await self._call(asked)
        self._watched[asked.subject_type, asked.subject_id] = asked
        return watched

    async def unwatch(self, asked: Unwatch) -> None:
        self._watched.pop((asked.subject_type, asked.subject_id), None)
        await self._call(asked)

    def arrived(self, event: Event | EventFrame) -> None:
        if isinstance(event, WatchEnded):
            self._watched.pop((event.subject_type, event.subject_id), None)

    def connected(self) -> None:
        if self.again:
            self.again.cancel()
        if self._watched:
            self.again = asyncio.create_task(self._watch_again())

    async def _watch_again(self) -> None:
        for key, asked in list(self._watched.items()):
            for delay in delays():
                try:
                    watched: Watched = await self._call(asked)
                except LuminaError as error:
                    if error.body.temporary:
                        await asyncio.sleep(delay)
                        continue
                    self._ended(key)
                except (CallTimeout, Disconnected):  # the next connection begins anew
                    return
                else:
                    self._told(key, watched)
                break

    def _told(self, key: tuple[str, UUID], watched: Watched) -> None:
        state = getattr(watched, key[0])
        if key in self._watched and state is not None:
            self._tell(state)

    def _ended(self, key: tuple[str, UUID]) -> None:
        if self._watched.pop(key, None):
            self._tell(WatchEnded(subject_type=key[0], subject_id=key[1], why="gone"))
