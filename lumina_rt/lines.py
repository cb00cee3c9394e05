"""Who changes the same thing waits here, before they take a connection.

Postgres would have them wait as well, for the lock of the row, but each with a connection of the
pool: thousands who leave one group would keep all of them from everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from lumina_protocol.errors import Overloaded

AT_ONCE = 2
"""One has the lock, and the next one stands ready."""
WAIT_S = 5


@dataclass(slots=True)
class Lines:
    """Of one node. A line is gone when nobody stands in it."""

    _lines: WeakValueDictionary[Hashable, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary
    )

    @asynccontextmanager
    async def stand_in(self, subject: Hashable) -> AsyncIterator[None]:
        """In the order of coming. Raises Overloaded for whom it takes longer than WAIT_S."""
        line = self._lines.setdefault(subject, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(WAIT_S):
                await line.acquire()
        except TimeoutError:
            raise Overloaded(retry_after_ms=1000) from None
        try:
            yield
        finally:
            line.release()
