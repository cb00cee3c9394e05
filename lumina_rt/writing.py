"""Who was told to be writing, so that it is told every few seconds however often it is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

AGAIN_S = 3.0
EXPIRES_S = 6.0
MOST = 20_000
Where = tuple[UUID, UUID]
"""A user and a conversation."""


@dataclass(slots=True)
class Writing:
    """Of one node. What is said too often is not refused, it is not told."""

    now: Callable[[], float] = time.monotonic
    _told: dict[Where, tuple[float, bool]] = field(default_factory=dict)
    """When it was last told that somebody writes, and whether they still do; oldest first."""

    def begins(self, where: Where) -> bool:
        """Whether to tell it."""
        now = self.now()
        at, _ = self._told.get(where, (now - AGAIN_S, False))
        if now - at < AGAIN_S:
            return False
        self._told.pop(where, None)
        self._told[where] = now, True
        self._forget(now)
        return True

    def ends(self, where: Where) -> bool:
        """Whether to tell it: only to those who believe that somebody writes."""
        at, writes = self._told.get(where, (0.0, False))
        if not writes or self.now() - at >= EXPIRES_S:
            return False
        self._told[where] = at, False
        return True

    def _forget(self, now: float) -> None:
        while self._told:
            oldest = next(iter(self._told))
            if now - self._told[oldest][0] < EXPIRES_S and len(self._told) <= MOST:
                return
            del self._told[oldest]
