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
BUDGET_S = 0.002


class Flushable(Protocol):
    def flush(self) -> None: ...


class Flusher:
    """One per node. A reply goes ahead of events: somebody waits for it."""

    __slots__ = ("_events", "_loop", "_replies", "_scheduled")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._replies: deque[Flushable] = deque()
        self._events: deque[Flushable] = deque()
        self._scheduled = False

    def mark(self, connection: Flushable, *, reply: bool) -> None:
        """The connection has something to write. Marking it twice does no harm."""
        (self._replies if reply else self._events).append(connection)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        try:
            self._flush_batch()
        finally:  # one connection's fault is the loop's to report, and nobody else's to bear
            self._scheduled = bool(self._replies or self._events)
            if self._scheduled:
                self._loop.call_soon(self._flush)

    def _flush_batch(self) -> None:
        until = self._loop.time() + BUDGET_S
        for written in range(BATCH):
            if not (queue := self._replies or self._events):
                break
            queue.popleft().flush()
            if written % 16 == 15 and self._loop.time() > until:
                break
