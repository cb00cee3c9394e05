"""Counts of durations by their size, of which any quantile can be read, and which can be added up.

The buckets are log-linear, as in Gil Tene's HdrHistogram: all of the same width between two powers
of two. What is read is at most 0.8 % above what was recorded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Self

BITS = 8
"""Below 2**8 us each microsecond has a bucket of its own, above 128 share each doubling."""


class Histogram:
    """Of seconds, kept as microseconds."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter(counts or {})
        """By the number of the bucket; a higher number has longer times."""

    def record(self, seconds: float) -> None:
        """What is below zero counts as zero."""
        us = max(int(seconds * 1e6), 0)
        shift = max(us.bit_length() - BITS, 0)
        self.counts[(shift << BITS) + (us >> shift)] += 1

    def add(self, other: Histogram) -> Self:
        self.counts.update(other.counts)
        return self

    @property
    def count(self) -> int:
        return self.counts.total()

    def quantile(self, share: float) -> float | None:
        """Seconds that this share of them did not exceed (the nearest rank); None of none."""
        rank = max(math.ceil(share * self.count), 1)
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return upper_edge(bucket)
        return None

    def quantile_ms(self, share: float) -> float | None:
        seconds = self.quantile(share)
        return None if seconds is None else seconds * 1000


def upper_edge(bucket: int) -> float:
    """The longest time that falls into a bucket, in seconds."""
    shift, step = bucket >> BITS, bucket & (1 << BITS) - 1
    return (((step + 1) << shift) - 1) / 1e6
