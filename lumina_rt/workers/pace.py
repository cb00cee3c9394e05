"""How often the housekeeping comes."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

JITTER = 0.2
SYSTEM = random.SystemRandom()
"""Its own, without a seed that somebody else may set: nodes that were started together do not come
at the same moment."""


async def pause(every_s: float, wake: asyncio.Event | None = None) -> None:
    """Sleep about that long, or until woken."""
    wait_s = every_s * SYSTEM.uniform(1 - JITTER, 1 + JITTER)
    if wake is None:
        await asyncio.sleep(wait_s)
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), wait_s)
