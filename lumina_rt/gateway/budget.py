"""What waits for those who do not read, all sessions of a node together."""

from __future__ import annotations

from typing import Protocol


class Reader(Protocol):
    outbox_bytes: int

    def too_slow(self) -> None:
        """Close it; it says `resumed` before it forgets how much has waited."""


class Budget:
    """Counts sessions that are not writable only: of all others nothing waits beyond a tick."""

    __slots__ = ("_slow", "limit", "waiting")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """In bytes."""
        self.waiting = 0
        self._slow: set[Reader] = set()

    def paused(self, reader: Reader) -> None:
        if reader not in self._slow:
            self._slow.add(reader)
            self.waiting += reader.outbox_bytes

    def resumed(self, reader: Reader) -> None:
        """It reads again, or has ended."""
        if reader in self._slow:
            self._slow.remove(reader)
            self.waiting -= reader.outbox_bytes

    def takes(self, reader: Reader, size: int) -> bool:
        """So many bytes more wait for this one. When there is no room for them, the slowest are
        closed until there is; false when it was among them."""
        self.waiting += size
        while self.waiting > self.limit and self._slow:
            max(self._slow, key=lambda each: each.outbox_bytes).too_slow()
        return reader in self._slow
