"""The Generic Cell Rate Algorithm (ATM Forum, Traffic Management 4.0, section 4.4.3): for each
subject one number, the theoretical arrival time (TAT) of the next request if all came evenly.

It is a leaky bucket that nobody has to drain. Here as a node keeps it for itself; lumina_rt/bus/
limits.py has the same for all nodes. Times are whole microseconds, so that both give the same.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

FORM = re.compile(r"(\d{1,9})/(\d{0,6})(s|m|h)(?: burst (\d{1,9}))?")
UNIT_S = {"s": 1, "m": 60, "h": 3600}
LONGEST_S = 30 * 86_400
HOW = 'write it as "10/60s burst 5": 10 in 60 s, and 5 at once after a pause; s, m or h; or "off"'


@dataclass(frozen=True)
class Rate:
    """`count` in `period_s` seconds for long, and `burst` at once after a pause."""

    count: int
    period_s: int
    burst: int

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """What `HOW` describes; None for "off". Raises ValueError, which says what is accepted."""
        if text.strip() == "off":
            return None
        if not (found := FORM.fullmatch(text.strip())):
            raise ValueError(HOW)
        count = int(found[1])
        rate = cls(count, int(found[2] or 1) * UNIT_S[found[3]], int(found[4] or count))
        rate._check()
        return rate

    def _check(self) -> None:
        if not self.count or not self.period_s or not self.burst:
            raise ValueError(f"no number may be 0; {HOW}")
        if self.count > self.period_s * 1_000_000:
            raise ValueError("more than 1,000,000 a second are as good as no limit: write off")
        if self.window_us > LONGEST_S * 1_000_000:
            raise ValueError("a whole burst would take more than 30 days to come back")

    def __str__(self) -> str:
        return f"{self.count}/{self.period_s}s burst {self.burst}"

    @cached_property
    def interval_us(self) -> int:
        """Between two requests that come evenly; rounded up, so that never more come through."""
        return -(-self.period_s * 1_000_000 // self.count)

    @cached_property
    def window_us(self) -> int:
        """How far ahead of the clock the TAT may be."""
        return self.interval_us * self.burst


class Verdict(NamedTuple):
    """Of one request. Both are microseconds."""

    wait_us: int
    """0: it was let through, and counts. Else the same request is let through after this time."""
    ahead_us: int
    """How far the TAT is ahead of the clock now."""

    def remaining(self, rate: Rate) -> int:
        """How many more would be let through at once."""
        return max(0, rate.window_us - self.ahead_us) // rate.interval_us


@dataclass(slots=True)
class Tats:
    """Those of one node. A TAT that is past is as good as none, so what is kept are the subjects
    of one window; of more than `most` those that were seen last."""

    most: int
    _tats: OrderedDict[Hashable, int] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._tats)

    def take(self, subject: Hashable, rate: Rate, now_us: int) -> int:
        """How long to wait, in microseconds; 0 when it was let through."""
        tats = self._tats
        tat = tats.get(subject)
        if tat is None:
            self._make_room(now_us)
            tat = now_us
        elif tat < now_us:
            tat = now_us
        tat += rate.interval_us
        wait_us = tat - now_us - rate.window_us
        if wait_us > 0:
            return wait_us
        tats[subject] = tat
        tats.move_to_end(subject)
        return 0

    def give_back(self, subject: Hashable, rate: Rate) -> None:
        """What was let through does not count."""
        if (tat := self._tats.get(subject)) is not None:
            self._tats[subject] = tat - rate.interval_us

    def ahead(self, subject: Hashable, now_us: int) -> int:
        """How far the TAT is ahead of the clock."""
        return max(0, self._tats.get(subject, now_us) - now_us)

    def remember(self, subject: Hashable, for_us: int, now_us: int) -> None:
        """That `ahead` is more than 0 for so long."""
        self._make_room(now_us)
        self._tats[subject] = now_us + for_us
        self._tats.move_to_end(subject)

    def _make_room(self, now_us: int) -> None:
        """Two that are past for each that comes: what is kept shrinks by itself."""
        tats = self._tats
        for _ in range(2):
            if tats and (len(tats) >= self.most or next(iter(tats.values())) <= now_us):
                tats.popitem(last=False)
