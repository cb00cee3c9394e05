"""Whom an app watches, across reconnects: each connection of it has to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.presence import PresenceChanged, PresenceWatched, UserPresence, WatchPresence

from lumina_rt.client.backoff import delays
from lumina_rt.client.errors import CallTimeout, ClientError


@dataclass(slots=True)
class PresenceWatch:
    call: Callable[[WatchPresence], Awaitable[Any]]
    tell: Callable[[PresenceChanged], None]
    asked: WatchPresence | None = None
    """The last one that was not refused."""
    told: dict[UUID, UserPresence] = field(default_factory=dict)
    _newer: set[UUID] = field(default_factory=set)
    """Of whom an event has come since it was asked."""
    _task: asyncio.Task[None] | None = None

    def asks(self, request: object) -> None:
        if isinstance(request, WatchPresence):
            self.asked = request
            self.told.clear()
            self._newer.clear()

    def answered(self, answer: object) -> None:
        """What the app has got."""
        if isinstance(answer, PresenceWatched):
            for state in answer.users:
                self.told.setdefault(state.user_id, state)

    def refused(self, request: object) -> None:
        """The server has forgotten what was before, too."""
        if request is self.asked:
            self.asked = None

    def came(self, event: Event | EventFrame) -> None:
        if isinstance(event, PresenceChanged):
            self.told[event.user_id] = UserPresence.model_validate(event.model_dump())
            self._newer.add(event.user_id)

    def again(self) -> None:
        """On a new connection. What has changed meanwhile is told as it is when it comes live."""
        self.close()
        if self.asked and self.asked.user_ids:
            self._task = asyncio.create_task(self._again())

    def close(self) -> None:
        if self._task:
            self._task.cancel()

    async def _again(self) -> None:
        for delay in delays():
            request = self.asked
            if request is None:
                return
            self._newer.clear()
            try:
                answer = await self.call(request)
            except CallTimeout:
                continue
            except LuminaError as error:
                if not error.body.temporary:
                    return
                await asyncio.sleep(delay)
                continue
            except ClientError:
                return
            if request is self.asked:  # else the app has asked for others, perhaps before us
                self._compare(answer)
                return

    def _compare(self, answer: PresenceWatched) -> None:
        for state in answer.users:
            if state.user_id not in self._newer and self.told.get(state.user_id) != state:
                self.told[state.user_id] = state
                self.tell(PresenceChanged(**state.model_dump()))
