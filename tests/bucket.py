"""The model that limits are compared with: a bucket of whole requests, refilled one by one."""

from __future__ import annotations

from dataclasses import dataclass

from lumina_rt.gcra import Rate


@dataclass
class Bucket:
    rate: Rate
    taken: int = 0
    """Requests that are missing in it."""
    back_at: int = 0
    """When the next one of them is back, in microseconds."""

    def refill(self, now: int) -> None:
        while self.taken and self.back_at <= now:
            self.taken -= 1
            self.back_at += self.rate.interval_us

    def remaining(self, now: int) -> int:
        self.refill(now)
        return self.rate.burst - self.taken

    def take(self, now: int) -> int:
        """How long to wait; 0 when there was one."""
        if not self.remaining(now):
            return self.back_at - now
        if not self.taken:
            self.back_at = now + self.rate.interval_us
        self.taken += 1
        return 0

    def give_back(self, now: int) -> None:
        self.refill(now)
        self.taken = max(0, self.taken - 1)
