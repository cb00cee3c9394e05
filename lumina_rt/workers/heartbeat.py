"""Once a second: say in Postgres that this node lives, and learn who else does, and whether the
database is still the one of a second ago."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from lumina_rt.bus.bus import Bus
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.workers.epoch import Epoch

BEAT = query("nodes.beat")
LIVE = query("nodes.live")
LEAVE = query("nodes.leave")
FORGET = query("nodes.forget")

EVERY_S = 1.0
DEAD_AFTER_S = 10.0
FRESH_S = 5.0


@dataclass(slots=True)
class Heartbeat:
    db: Db
    bus: Bus
    epoch: Epoch
    private_url: str | None = None
    """Where others reach our private port; known when we listen."""
    last_beat: float = -1e9
    """When Postgres last accepted our beat, on the clock of time.monotonic."""
    peer_has_bus: bool = False
    """Whether the bus of another live node works, as Postgres said then."""

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.last_beat < FRESH_S

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away."""
        while True:
            await self.beat()
            await asyncio.sleep(EVERY_S)

    async def beat(self) -> None:
        async with self.db.tx() as tx:
            await tx.run(
                BEAT,
                node_id=self.bus.node_id,
                private_url=self.private_url,
                bus_ok=self.bus.probe_is_fresh,
            )
            await tx.run(FORGET)
            history = await self.epoch.look(tx)
            rows = await tx.all(LIVE, within_s=DEAD_AFTER_S)
        self.epoch.take(history)
        self.last_beat = time.monotonic()
        self.peer_has_bus = any(row["bus_ok"] for row in rows if row["node_id"] != self.bus.node_id)
        # Only added here: a row may be old because Postgres was away, or not seen yet because it is
        # new. Who is gone is known by its stream, see Bus.
        self.bus.met(row["node_id"] for row in rows)

    async def join(self) -> None:
        """The first beat. Our stream is made before it: a peer that reads our row must find it."""
        await self.bus.probe()
        await self.beat()
        await self.bus.announce()

    async def leave(self) -> None:
        async with self.db.tx() as tx:
            await tx.run(LEAVE, node_id=self.bus.node_id)
