"""Archives of all that a user has: made when they are asked for, removed when their time is over.

An archive is made in one transaction that holds its row, so no two nodes make it, and one that died
is followed by another. What was made is told in a second one: the snapshot of the first is too old
to number events.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumina_protocol.errors import Unavailable
from lumina_protocol.exports import Export, ExportChanged

from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.keyring import Keyring
from lumina_rt.store.db import Db, Tx, overtaken
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import archive
from lumina_rt.workers.pace import pause

UNHURRIED = query("exports.unhurried")
NEXT = query("exports.next")
MADE = query("exports.made")
FAILED = query("exports.failed")
FINISH = query("exports.finish")
EXPIRED = query("exports.expired")
GONE = query("exports.gone")
OF_USER = query("exports.of_user")

EVERY_S = 2.0


@dataclass(slots=True)
class ArchiveWorker:
    db: Db
    blobs: LocalBlobs
    keyring: Keyring
    telemetry: Telemetry

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away, BlobsFailed when a file cannot be
        removed."""
        while True:
            await self.turn()
            await pause(EVERY_S)

    async def turn(self) -> None:
        while await self._make():
            pass
        while await self._finish():
            pass
        while await self._remove():
            pass

    async def _make(self) -> bool:
        """Whether there was one to be made. What fails is not tried again: it would be the same,
        and the user may ask again."""
        export = None
        try:
            async with self.db.snapshot() as tx:
                await tx.one(UNHURRIED)
                if export := await tx.maybe(NEXT):
                    key = f"exports/{export['export_id']}.zip"
                    async with self.blobs.writing(key) as file:
                        await archive.write(tx, export["user_id"], self.keyring, file)
                        size = file.tell()
                    await tx.run(MADE, **export, storage_key=key, size_bytes=size)
        except Unavailable as error:
            if overtaken(error):
                return True
            raise
        except Exception as error:
            if export is None:
                raise
            self.telemetry.export_failed(error)
            await self._fail(**export)
        else:
            if export:
                self.telemetry.export_made(size)
        return export is not None

    async def _fail(self, export_id: UUID, user_id: UUID) -> None:
        async with self.db.tx() as tx:
            if await tx.maybe(FAILED, export_id=export_id, user_id=user_id):
                await _tell(tx, export_id, user_id)

    async def _finish(self) -> bool:
        async with self.db.tx() as tx:
            if export := await tx.maybe(FINISH):
                await _tell(tx, export["export_id"], export["user_id"])
        return export is not None

    async def _remove(self) -> bool:
        async with self.db.tx() as tx:
            if export := await tx.maybe(EXPIRED):
                export_id, user_id = export["export_id"], export["user_id"]
                self.blobs.remove(export["storage_key"])
                await tx.run(GONE, export_id=export_id, user_id=user_id)
                await _tell(tx, export_id, user_id)
        return export is not None


async def _tell(tx: Tx, export_id: UUID, user_id: UUID) -> None:
    row = await tx.one(OF_USER, export_id=export_id, user_id=user_id, limit=1)
    tx.tell(ExportChanged(export=Export(**row)), to=[user_id])
