"""How often the housekeeping comes."""

from __future__ import annotations

import asyncio
import random

JITTER = 0.2
SYSTEM = random.SystemRandom()
"""Its own, without a seed that somebody else may set: nodes that were started together do not come
at the same moment."""


async def pause(every_s: float) -> None:
    """Sleep about that long."""
    await asyncio.sleep(every_s * SYSTEM.uniform(1 - JITTER, 1 + JITTER))
