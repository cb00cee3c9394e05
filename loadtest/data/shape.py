"""Distributions: when things happen, how many there are of each, and what they are called."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate
from math import gcd

from asyncpg.pgproto.pgproto import UUID

HOUR_MS = 3_600_000
DAY_RHYTHM = (4, 2, 1, 1, 1, 2, 4, 8, 10, 9, 8, 9, 12, 11, 9, 9, 10, 12, 15, 18, 20, 19, 14, 8)
"""How busy each hour of a day is, in UTC."""
WEEKEND = 1.3
GROWTH = 2.0
"""The last day is so much busier than the first."""

GOLDEN = 0x9E3779B97F4A7C15
LOW62 = (1 << 62) - 1
M64 = (1 << 64) - 1


class Timeline:
    """Turns a share of all that happens, 0 to 1, into its moment."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since_ms, self.until_ms = _ms(since), _ms(until)
        hours = max(1, (self.until_ms - self.since_ms) // HOUR_MS)
        weights = [
            DAY_RHYTHM[(since.hour + n) % 24]
            * (WEEKEND if (since.weekday() + (since.hour + n) // 24) % 7 > 4 else 1)
            * (1 + (GROWTH - 1) * n / hours)
            for n in range(hours)
        ]
        whole = sum(weights)
        self.begins = [0.0, *accumulate(weight / whole for weight in weights)]
        self.slopes = [HOUR_MS * whole / weight for weight in weights]

    def at(self, share: float) -> int:
        """In ms since 1970; never past the end, and grows with `share`."""
        hour = min(bisect_right(self.begins, share), len(self.slopes)) - 1
        within = int((share - self.begins[hour]) * self.slopes[hour])
        return min(self.since_ms + hour * HOUR_MS + within, self.until_ms - 1)

    def after(self, ms: int, delay_ms: int) -> int:
        """Later, but not in the future."""
        return min(ms + delay_ms, self.until_ms - 1)


class Ids:
    """UUIDv7 (RFC 9562, section 5.7) by number: no number of a kind has the id of another.

    asyncpg's own UUID type is several times cheaper to make and to send than uuid.UUID.
    """

    def __init__(self, seed: int, kind: str) -> None:
        bits = random.Random(f"{seed}/{kind}/ids").getrandbits
        self.salt = bits(62)
        self.head = 0x7 << 76 | bits(12) << 64 | 0b10 << 62

    def raw(self, ms: int, number: int) -> bytes:
        low = (number * GOLDEN + self.salt) & LOW62  # an odd factor: one to one
        return (ms << 80 | self.head | low).to_bytes(16, "big")

    def __call__(self, ms: int, number: int) -> UUID:
        return UUID(self.raw(ms, number))


def draws(seed: int, kind: str) -> Callable[[int], int]:
    """getrandbits of a stream of its own, so that what one table takes moves no other."""
    return random.Random(f"{seed}/{kind}").getrandbits


def numbered_draws(seed: int, kind: str, count: int) -> Iterator[tuple[int, int]]:
    """0, 1, 2 ... with 64 random bits each; again, it gives the same."""
    bits = draws(seed, kind)
    return ((number, bits(64)) for number in range(count))


def remix(bits: int) -> int:
    """64 other bits, for when one draw must decide several things."""
    bits = (bits ^ bits >> 29) * GOLDEN & M64
    return bits ^ bits >> 32


def heavy_tail(mean: float, most: int, size: int = 4096) -> list[int]:
    """A table to draw counts from: many are nothing or little, a few are much.

    The quantiles of a Lomax distribution with shape 2, whose mean is its scale, cut at `most`.
    """
    return [
        min(most, round(mean * ((1 - (n + 0.5) / size) ** -0.5 - 1) - 0.2)) for n in range(size)
    ]


def zipf(count: int, share: float, exponent: float = 0.6) -> int:
    """The rank, from 0, that a share of 0 to 1 falls to: rank r has a part like r**-exponent.

    This is the inverse of the continuous Zipf distribution for exponents below 1.
    """
    return int(count * share ** (1 / (1 - exponent)))


def stride(count: int) -> int:
    """A step with which a walk around `count` seats visits each once."""
    step = int(count * 0.618) | 1
    while gcd(step, count) != 1:
        step += 1
    return step


def share(bits: int) -> float:
    """The low 32 bits as a number from 0 to below 1."""
    return (bits & 0xFFFFFFFF) / 4294967296


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
