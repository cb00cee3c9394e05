"""Topics that much is posted in now.

The score of a topic in a window is the sum over the people who have named it there in a post that
everybody may see, each counted once, by their newest: 0.5 ** (age / half-life). It is exponential
decay as in Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay: A Practical Time Decay Model for
Streaming Systems" (ICDE 2009), section II. People are counted and not posts, so that one alone
makes no trend; so does Mastodon, and the half-life of 4 hours is its own
(app/models/trends/tags.rb, `max_score_halflife`). A window is six half-lives long: what drops out
at its end has weighed 1/64 by then, and nothing jumps.

A worker finds them now and then and puts them into Redis; they are marked in Postgres as well.
While Redis is away or empty those that are marked are weighed anew from Postgres: at most 100
topics by an index, so that it costs little, and the answer is as new as can be. A temporary error
would be cheaper, and would take away what nothing but a cache has lost.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_rt.bus.trends import Away, Found, Trends
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Db, Tx

WEIGH = query("trending.weigh")
FOUND = query("trending.found")

HOUR_S = 3600.0
PEOPLE = 2
"""Who must have named a topic."""
MOST = 50
"""Topics of one window."""
KEEP_S = 5.0
"""How long a node answers with what it has read."""


@dataclass(frozen=True, slots=True)
class Window:
    length_s: float
    half_life_s: float


WINDOWS = {"day": Window(24 * HOUR_S, 4 * HOUR_S), "week": Window(168 * HOUR_S, 28 * HOUR_S)}


async def weigh(tx: Tx, window: Window, topic_ids: list[UUID]) -> tuple[UUID, ...]:
    """Those of them that trend, the best first."""
    how = {"length_s": window.length_s, "half_life_s": window.half_life_s}
    rows = await tx.all(WEIGH, ids=topic_ids, people=PEOPLE, limit=MOST, **how)
    return tuple(row["topic_id"] for row in rows)


@dataclass(slots=True)
class _Kept:
    found: Found
    until: float


@dataclass(slots=True)
class Trending:
    """What trends, for those who ask this node."""

    db: Db
    shared: Trends
    keep_s: float = KEEP_S
    _kept: dict[str, _Kept] = field(default_factory=dict)

    async def now(self, window: str) -> Found:
        """Raises Unavailable when both Redis and Postgres are away."""
        kept, clock = self._kept.get(window), time.monotonic()
        if kept and clock < kept.until:
            return kept.found
        if kept:  # the others do with that meanwhile
            kept.until = clock + self.keep_s
        try:
            found = await self.shared.read(window)
        except Away:
            found = None
        found = found or await self._weighed(window)
        self._kept[window] = _Kept(found, clock + self.keep_s)
        return found

    async def _weighed(self, window: str) -> Found:
        async with self.db.read() as tx:
            marked = [row["topic_id"] for row in await tx.all(FOUND)]
            found = await weigh(tx, WINDOWS[window], marked)
        return Found(int(time.time() * 1000), found)
