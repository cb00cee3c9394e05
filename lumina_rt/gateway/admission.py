"""How many connections, and how many handshakes, one client address may have on this node."""

from __future__ import annotations

from collections import Counter

from lumina_rt.address import Address, block

REMEMBERED = 65_536
"""Addresses whose handshakes are counted at once; about 10 MB. The one that was seen longest ago
is forgotten for a new one: whoever has so many addresses gains little by it."""

ROUNDING_S = 1e-6


class Admission:
    """IPv6 is counted by /64. Times are those of the caller's clock, in seconds."""

    __slots__ = ("_burst_s", "_full_at", "_interval_s", "connections", "max_connections")

    def __init__(self, max_connections: int, handshakes_per_s: float, burst: int) -> None:
        self.max_connections = max_connections
        self.connections: Counter[int] = Counter()
        """By address; only of those that have some."""
        self._interval_s = 1 / handshakes_per_s
        self._burst_s = burst * self._interval_s
        self._full_at: dict[int, float] = {}
        """When an address has all its handshakes again. In the order in which they were seen."""

    def enter(self, address: Address) -> bool:
        """Count a connection in; false when there is one too many, which is not counted."""
        key = block(address)
        if self.connections[key] >= self.max_connections:
            return False
        self.connections[key] += 1
        return True

    def leave(self, address: Address) -> None:
        """A connection that was counted in has ended."""
        key = block(address)
        self.connections[key] -= 1
        if not self.connections[key]:
            del self.connections[key]

    def shake(self, address: Address, now: float) -> float:
        """Take a handshake from the token bucket: 0 when there was one, else the seconds until
        there is one. The bucket is kept as a time, after GCRA (ATM Forum TM 4.0)."""
        key = block(address)
        full_at = max(self._full_at.pop(key, now), now)
        wait_s = full_at + self._interval_s - self._burst_s - now
        if wait_s <= ROUNDING_S:
            full_at += self._interval_s
        self._full_at[key] = full_at
        if len(self._full_at) > REMEMBERED:
            del self._full_at[next(iter(self._full_at))]
        return wait_s if wait_s > ROUNDING_S else 0.0

    @property
    def known(self) -> int:
        """Addresses that take memory here."""
        return len(self._full_at) + len(self.connections)
