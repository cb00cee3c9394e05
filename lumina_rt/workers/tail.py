"""Four times a second: read in the outbox what was committed, and see that it was told here.

The bus is faster, and what came by it is passed over for the price of a look. What did not, because
a node died before it had published, or Redis was away or has forgotten, comes this way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import takewhile
from typing import TYPE_CHECKING

from lumina_rt.gate import Gate
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.streams import own_stream

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

BEGINNING = query("outbox.beginning")
TAIL = query("outbox.tail")

EVERY_S = 0.25
LIMIT = 1000
BUS_MS = 500
"""What is younger is left to the bus while that is well."""
FRESH_S = 5.0


@dataclass(slots=True)
class Tail:
    db: Db
    gate: Gate
    bus_is_well: Callable[[], bool]
    last_turn: float = -1e9
    """When we last read to the end, on the clock of time.monotonic."""
    _xid: str = "0"
    _outbox_id: int = 0
    _waiting: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    """Whom to call when all before a transaction has been told, soonest first."""
    _number: int = 0

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.last_turn < FRESH_S

    async def begin(self) -> None:
        """What is committed from now on will be told. Before the node listens."""
        async with self.db.read() as tx:
            self._xid = (await tx.one(BEGINNING))["xid"]

    def forget(self) -> None:
        """Where it was, which in another history of the database is nowhere: begin anew."""
        self._xid, self._outbox_id = "", 0
        self._waiting.clear()

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on where it was."""
        while True:
            if not await self.turn():
                await asyncio.sleep(EVERY_S)

    async def turn(self) -> bool:
        """One look. True when there may be more to read at once."""
        if not self._xid:
            await self.begin()
        since = self._xid
        async with self.db.read() as tx:
            rows = await tx.all(TAIL, xid=since, outbox_id=self._outbox_id, limit=LIMIT)
        if self._xid != since:  # forgotten meanwhile
            return True
        youngest_ms = BUS_MS if self.bus_is_well() else 0
        horizon = int(rows[0]["horizon"])
        rows = rows if rows[0]["outbox_id"] is not None else []
        due = list(takewhile(lambda row: row["age_ms"] >= youngest_ms, rows))
        for row in due:
            self._tell(row)
            self._xid, self._outbox_id = row["xid"], row["outbox_id"]
        self.last_turn = time.monotonic()
        if len(due) < len(rows):
            horizon = int(rows[len(due)]["xid"])
        if len(due) < LIMIT:
            self._told(horizon)
        return len(due) == LIMIT

    def when_told(self, xid: str, then: Callable[[], None]) -> None:
        """Call when everything that was committed before this transaction has passed the gate."""
        self._number += 1
        heappush(self._waiting, (int(xid), self._number, then))

    def _tell(self, row: Row) -> None:
        if row["conversation_id"] is not None:
            self.gate.catch_up(row["conversation_id"], row["from_rev"] - 1, row["to_rev"])
            return
        for user_id, rev in zip(row["user_ids"], row["user_revs"] or (), strict=False):
            if user_id.bytes in self.gate.hub.sessions:
                self.gate.catch_up(own_stream(user_id), rev - 1, rev)

    def _told(self, horizon: int) -> None:
        """While the gate still reads, what it reads has not passed."""
        while self._waiting and self._waiting[0][0] <= horizon and not self.gate.is_filling:
            heappop(self._waiting)[2]()
