"""Once a minute: make the partitions that will be needed, drop those that are past their time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumina_protocol.errors import Unavailable

from lumina_rt.store.db import Db
from lumina_rt.store.queries import Query, query
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.pace import pause

WAIT = query("partitions.wait")
PATIENTLY = query("partitions.patiently")
MAKE = query("partitions.make")
DROP = query("partitions.drop")
STRAYS = query("partitions.strays")

EVERY_S = 60.0


@dataclass(slots=True)
class Partitions:
    db: Db
    telemetry: Telemetry

    async def prepare(self) -> None:
        """Before a node listens: return when today's parts are there, whichever node makes them.

        Lasting locks of others do not keep a node from starting: parts are made ahead of time.
        """
        try:
            async with self.db.tx() as tx:
                await tx.run(WAIT)
                made = [row["part"] for row in await tx.all(MAKE, at=None)]
        except Unavailable as error:
            self.telemetry.task_failed("partitions", error, EVERY_S)
            return
        self.telemetry.partitions_changed("made", made)

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away, or a lock was not had."""
        while True:
            await pause(EVERY_S)
            await self.turn()

    async def turn(self, at: datetime | None = None) -> None:
        """One round, as of `at` (default: the database's clock). Each step is a transaction, so
        that the locks of one do not last through the other; one that fails stops no other."""
        try:
            await self.make(at)
        finally:
            try:
                await self.drop(at)
            finally:
                await self.complain()

    async def make(self, at: datetime | None = None) -> None:
        self.telemetry.partitions_changed("made", await self._parts(MAKE, at))

    async def drop(self, at: datetime | None = None) -> None:
        self.telemetry.partitions_changed("dropped", await self._parts(DROP, at))

    async def complain(self) -> None:
        """Of rows that no partition was there for."""
        async with self.db.read() as tx:
            for row in await tx.all(STRAYS):
                self.telemetry.partition_strays(row["parent"], row["strays"])

    async def _parts(self, change: Query, at: datetime | None) -> list[str]:
        async with self.db.tx() as tx:
            await tx.run(PATIENTLY)
            return [row["part"] for row in await tx.all(change, at=at)]
