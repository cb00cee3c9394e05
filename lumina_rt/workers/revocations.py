"""Twice a second, and when a peer says so: close the sockets of logins that have ended.

It reads in the store what has ended of late. Whoever ends a login, on whichever node, by whatever
statement, ends its sockets everywhere, whether Redis is there or not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from lumina_rt.store.db import Db
from lumina_rt.store.queries import query

ENDED = query("sessions.ended_since")

EVERY_S = 0.5
WINDOW = timedelta(seconds=30)
"""More than a transaction can take from when it says that a login has ended until it commits, or
an `auth` from when it has looked until its connection is known."""


@dataclass(slots=True)
class Revocations:
    db: Db
    end: Callable[[UUID, UUID], None] = lambda user_id, session_id: None
    """Close the connections that a user has opened with this login."""
    ended: Mapping[UUID, UUID] = field(default_factory=dict)
    """The logins that have ended of late, and whose they were."""
    _last_look: float = field(default_factory=time.monotonic)
    """On the clock of time.monotonic. While Postgres was away, nothing was seen to end."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self) -> None:
        """Do not wait: something has ended."""
        self._wake.set()

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            self._wake.clear()
            await self.turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY_S)

    async def turn(self) -> None:
        began = time.monotonic()
        since_last = timedelta(seconds=began - self._last_look)
        async with self.db.read() as tx:
            rows = await tx.all(ENDED, window=WINDOW + since_last)
        self._last_look = began
        ended = {row["session_id"]: row["user_id"] for row in rows}
        for session_id in ended.keys() - self.ended.keys():
            self.end(ended[session_id], session_id)
        self.ended = ended
