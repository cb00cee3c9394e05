"""What was uploaded becomes usable, or is refused: one file at a time, in a process of its own.

A node that takes one holds it by a lease. Where that ends, since the node has died or lost
Postgres, another node takes it, and what the first one makes of it is thrown away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from lumina_protocol.errors import Unavailable
from lumina_protocol.media_news import MediaFailed as Failed
from lumina_protocol.media_news import MediaProgress, MediaReady, MediaVariant
from lumina_protocol.messages import Attachment

from lumina_rt.blobs.store import Blobs
from lumina_rt.media.job import Job, Kind, Limits, MediaRefused, Processed, Variant
from lumina_rt.media.process import process
from lumina_rt.media.workroom import sweep, workroom
from lumina_rt.store.queries import query
from lumina_rt.workers.pace import pause

if TYPE_CHECKING:
    from lumina_rt.store.db import Db, Row
    from lumina_rt.telemetry import Telemetry

TAKE = query("processing.take")
HOLD = query("processing.hold")
GIVE_BACK = query("processing.give_back")
READY = query("processing.ready")
TOLD = query("processing.told")
REMOVE_UPLOAD = query("processing.remove_upload")
FAILED = query("processing.failed")

EVERY_S = 1.0
LEASE_S, RENEW_S = 30.0, 10.0
TOLD_S = 1.0
"""Between two events of progress."""
TRIES = 3
WAIT_S = 10.0
"""Until it is tried again, times how often it was tried."""


Made = tuple[Processed, list[dict[str, Any]]]
"""And its variants, which are in the store, as they are kept in the row."""


class _LostError(Exception):
    """It is somebody else's by now, or was deleted."""


@dataclass(slots=True)
class _Try:
    """One file, and how far it is."""

    media_id: UUID
    user_id: UUID
    kind: Kind
    storage_key: str
    attempt_id: UUID
    failures: int
    """This one included."""
    percent: int = 0

    @property
    def name(self) -> dict[str, Any]:
        return {
            "media_id": self.media_id,
            "user_id": self.user_id,
            "attempt_id": self.attempt_id,
        }

    @property
    def all(self) -> str:
        return f"media/{self.media_id}/"

    @property
    def folder(self) -> str:
        """Which nobody guesses who has been told the id of the media."""
        return f"{self.all}{self.attempt_id.hex}/"

    def progress(self, share: float) -> None:
        self.percent = int(share * 100)


@dataclass(slots=True)
class Processing:
    db: Db
    blobs: Blobs
    telemetry: Telemetry
    folder: Path
    """Of this machine, with room for the largest file."""
    uploaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something waits; what other nodes were told of is found a second later."""
    limits: Limits = field(default_factory=Limits)

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        await asyncio.to_thread(sweep, self.folder)
        while True:
            self.uploaded.clear()
            await self.turn()
            await pause(EVERY_S, self.uploaded)

    async def turn(self) -> None:
        while (one := await self._take()) is not None:
            await self._settle(one)

    async def _take(self) -> _Try | None:
        async with self.db.tx() as tx:
            row = await tx.maybe(TAKE, lease_s=LEASE_S)
            if row is None:
                return None
            one = _Try(**row)
            tx.whisper(MediaProgress(media_id=one.media_id, percent=0), to=[one.user_id])
        return one

    async def _settle(self, one: _Try) -> None:
        """Whatever happens, it is the next one's turn then."""
        try:
            if one.failures > TRIES:  # who had it has died each time
                await self._fail(one, "internal", "The server could not process it.")
            else:
                await self._ready(one)
        except MediaRefused as refused:
            await self._fail(one, refused.code, refused.why)
        except _LostError:
            await self.blobs.delete_all(one.folder)
        except Unavailable as error:  # files or Postgres are away: no fault of this file
            await self._give_back(one, error, one.failures - 1)
        except Exception as error:
            await self._give_back(one, error, one.failures)

    async def _give_back(self, one: _Try, error: Exception, failures: int) -> None:
        self.telemetry.media_not_processed(one.media_id, error)
        if failures >= TRIES:
            await self._fail(one, "internal", "The server could not process it.")
            return
        async with self.db.tx() as tx:
            wait_s = WAIT_S * max(1, failures)
            is_ours = await tx.maybe(GIVE_BACK, failures=failures, wait_s=wait_s, **one.name)
        if not is_ours:
            await self.blobs.delete_all(one.folder)

    async def _fail(self, one: _Try, code: str, why: str) -> None:
        async with self.db.tx() as tx:
            is_ours = await tx.maybe(FAILED, code=code, error=why, **one.name)
            if is_ours:
                tx.tell(Failed(media_id=one.media_id, code=code, error=why), to=[one.user_id])
                self.telemetry.media_processed(one.kind, code)
        await self.blobs.delete_all(one.all if is_ours else one.folder)

    async def _ready(self, one: _Try) -> None:
        done, variants = await self._held(one, self._made(one))
        async with self.db.tx() as tx:
            if not await tx.maybe(READY, **_columns(done), variants=variants, **one.name):
                raise _LostError
            row = await tx.one(TOLD, media_id=one.media_id, user_id=one.user_id)
            await tx.run(REMOVE_UPLOAD, storage_key=one.storage_key, media_id=one.media_id)
            tx.tell(_news(row, variants), to=[one.user_id])
        self.telemetry.media_processed(one.kind, "ready")
        if one.failures > 1:
            await self._remove_former(one)

    async def _made(self, one: _Try) -> Made:
        with workroom(self.folder) as room:
            source, out = room / "source", room / "out"
            out.mkdir()
            await self.blobs.fetch(one.storage_key, source)
            done = await process(Job(source, out, one.kind, self.limits), one.progress)
            return done, [await self._put(one, made, out) for made in done.variants]

    async def _put(self, one: _Try, made: Variant, out: Path) -> dict[str, Any]:
        key = f"{one.folder}{made.file}"
        await self.blobs.put(key, out / made.file, made.content_type)
        told = MediaVariant.model_validate(made, from_attributes=True)
        return {**told.model_dump(exclude_none=True), "storage_key": key}

    async def _remove_former(self, one: _Try) -> None:
        """What tries have left whose nodes died: now that nobody can take it any more."""
        former = [
            found.key
            async for found in self.blobs.walk(one.all)
            if not found.key.startswith(one.folder)
        ]
        for key in former:
            await self.blobs.delete(key)

    async def _held(self, one: _Try, work: Coroutine[Any, Any, Made]) -> Made:
        """What comes of the work, which is ended when it is not ours any more: raises _LostError,
        and Unavailable when Postgres is away."""
        working, holding = asyncio.create_task(work), asyncio.create_task(self._hold(one))
        try:
            await asyncio.wait({working, holding}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else holding.result()
        finally:
            working.cancel()
            holding.cancel()
            await asyncio.gather(working, holding, return_exceptions=True)

    async def _hold(self, one: _Try) -> NoReturn:
        """Renew the lease, and tell how far it is. It does not end but by raising."""
        told, renewed = 0, asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(TOLD_S)
            now = asyncio.get_running_loop().time()
            if one.percent == told and now < renewed + RENEW_S:
                continue
            async with self.db.tx() as tx:
                if await tx.maybe(HOLD, lease_s=LEASE_S, **one.name) is None:
                    raise _LostError
                news = MediaProgress(media_id=one.media_id, percent=one.percent)
                tx.whisper(news, to=[one.user_id])
            told, renewed = one.percent, now


def _columns(done: Processed) -> dict[str, Any]:
    return {
        "width": done.width,
        "height": done.height,
        "duration_ms": done.duration_ms,
        "blurhash": done.blurhash,
        "waveform": None if done.waveform is None else bytes(done.waveform),
        "not_available": done.not_available,
    }


def _news(row: Row, variants: list[dict[str, Any]]) -> MediaReady:
    return MediaReady(
        media=Attachment(**row["media"]),
        variants=[MediaVariant(**variant) for variant in variants],
        not_available=row["not_available"],
    )
