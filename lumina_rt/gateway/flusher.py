"""Writes what connections have queued: each connection once a tick, whatever the number of frames.

Joining the frames of one tick into one write is the biggest single gain of this server:
a send() costs the kernel about as much for eight frames as for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

BATCH = 256
"""Connections written before the loop may do something else."""
CHUNK = 16
"""Of them, before the clock and the replies are looked at again."""
BUDGET_S = 0.002


class Flushable(Protocol):
    def flush(self) -> None: ...


class Flusher:
    """One per node. A reply goes ahead of events: somebody waits for it."""

    __slots__ = ("_loop", "_replies", "events", "scheduled")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._replies: deque[Flushable] = deque()
        self.events: deque[Flushable] = deque()
        self.scheduled = False

    def mark(self, connection: Flushable, *, reply: bool) -> None:
        """The connection has something to write. Marking it twice does no harm."""
        (self._replies if reply else self.events).append(connection)
        if not self.scheduled:
            self.schedule()

    def schedule(self) -> None:
        self.scheduled = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        try:
            self._flush_batch()
        finally:  # one connection's fault is the loop's to report, and nobody else's to bear
            self.scheduled = False
            if self._replies or self.events:
                self.schedule()

    def _flush_batch(self) -> None:
        until = self._loop.time() + BUDGET_S
        for _ in range(BATCH // CHUNK):
            if not (queue := self._replies or self.events):
                break
            next_one = queue.popleft
            for _ in range(min(CHUNK, len(queue))):
                next_one().flush()
            if self._loop.time() > until:
                break
