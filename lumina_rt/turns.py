"""One at a time for each key, first come first served."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary


@dataclass(frozen=True, slots=True)
class Turns:
    """Locks that exist only while somebody holds or awaits them."""

    locks: WeakValueDictionary[Hashable, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def of(self, key: Hashable) -> asyncio.Lock:
        """`async with turns.of(key)`: whoever comes with this key later waits."""
        if (lock := self.locks.get(key)) is None:
            lock = self.locks[key] = asyncio.Lock()
        return lock
