"""Every few seconds: remove the bytes of what is gone. While their store is away, they wait."""

from __future__ import annotations

from dataclasses import dataclass

from lumina_rt.blobs.store import Blobs
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.workers.pace import pause

NEXT = query("blobs.next")
AGAIN = query("blobs.again")
REMOVED = query("blobs.removed")

EVERY_S = 5.0


@dataclass(slots=True)
class BlobRemovals:
    db: Db
    blobs: Blobs

    async def run(self) -> None:
        """Raises Unavailable when Postgres or the store is away; started again, it goes on."""
        while True:
            await pause(EVERY_S)
            while await self._remove_one():
                pass

    async def _remove_one(self) -> bool:
        """Whether there was one. The row goes last: what was begun is done again."""
        async with self.db.tx() as tx:
            row = await tx.maybe(NEXT)
            if row is None:
                return False
            await self.blobs.delete(row["storage_key"])
            if await tx.maybe(AGAIN, media_id=row["media_id"]) is None:
                await self.blobs.delete_all(f"media/{row['media_id']}/")
            await tx.run(REMOVED, storage_key=row["storage_key"])
        return True
