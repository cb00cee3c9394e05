"""One timer for all connections: a wheel, after Varghese and Lauck, "Hashed and Hierarchical
Timing Wheels" (1987). Each connection sits in one slot, and each slot comes by once a heartbeat.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

SLOTS = 32


class Beating(Protocol):
    def beat(self) -> None: ...


class Wheel:
    __slots__ = ("_next", "_slots", "interval_s")

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._slots: list[set[Beating]] = [set() for _ in range(SLOTS)]
        self._next = 0

    def add(self, connection: Beating) -> int:
        """Put it into the slot that comes last, so that it is left alone for a whole round."""
        slot = (self._next - 1) % SLOTS
        self._slots[slot].add(connection)
        return slot

    def remove(self, connection: Beating, slot: int) -> None:
        self._slots[slot].discard(connection)

    def turn(self) -> None:
        """Beat the connections of the next slot."""
        slot, self._next = self._next, (self._next + 1) % SLOTS
        for connection in tuple(self._slots[slot]):
            connection.beat()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.interval_s / SLOTS)
            self.turn()
