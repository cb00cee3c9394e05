"""Every two minutes: find what trends, see lumina_rt/trending.py. One node does it for all."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumina_rt.bus.trends import Away, Found, Trends
from lumina_rt.store.queries import query
from lumina_rt.trending import PEOPLE, WINDOWS, weigh
from lumina_rt.workers.pace import pause

if TYPE_CHECKING:
    from uuid import UUID

    from lumina_rt.store.db import Db, Tx

PATIENTLY = query("trending.patiently")
TURN = query("trending.turn")
CANDIDATES = query("trending.candidates")
SET_FOUND = query("trending.set_found")

EVERY_S = 120.0
"""Well below what Redis keeps it for, so that some turns may fail."""
CANDIDATE_TOPICS = 500


@dataclass(slots=True)
class TrendFinder:
    db: Db
    shared: Trends
    every_s: float = EVERY_S

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            await pause(self.every_s)
            await self.turn()

    async def turn(self) -> bool:
        """Whether it was found here: not while another node is at it, or has just done it."""
        if await self._is_fresh():
            return False
        async with self.db.tx() as tx:
            await tx.run(PATIENTLY)
            if not (await tx.one(TURN))["mine"]:
                return False
            found = await self._find(tx)
        at_ms = int(time.time() * 1000)
        with suppress(Away):  # until it is back, it is asked of Postgres
            for name, ids in found.items():
                await self.shared.write(name, Found(at_ms, ids))
        return True

    async def _is_fresh(self) -> bool:
        try:
            last = [await self.shared.read(name) for name in WINDOWS]
        except Away:
            return False
        since_ms = time.time() * 1000 - self.every_s * 1000 / 2
        return all(found and found.at_ms > since_ms for found in last)

    async def _find(self, tx: Tx) -> dict[str, tuple[UUID, ...]]:
        found = {}
        for name, window in WINDOWS.items():
            asked = {"length_s": window.length_s, "people": PEOPLE}
            rows = await tx.all(CANDIDATES, limit=CANDIDATE_TOPICS, **asked)
            found[name] = await weigh(tx, window, [row["topic_id"] for row in rows])
        ids = sorted({topic_id for some in found.values() for topic_id in some})
        tx.touched(*(row["topic_id"] for row in await tx.all(SET_FOUND, ids=ids)))
        return found
