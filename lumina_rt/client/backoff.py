"""When to try again."""

from __future__ import annotations

import random
from collections.abc import Iterator

FIRST_S, LONGEST_S = 0.2, 15.0


def delays(first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> Iterator[float]:
    """Seconds to wait before each try: exponential with full jitter, so that a crowd that was
    thrown out together does not come back together (Brooker, "Exponential Backoff and Jitter",
    AWS Architecture Blog, 2015)."""
    ceiling = first_s
    while True:
        yield random.uniform(0, ceiling)
        ceiling = min(ceiling * 2, longest_s)
