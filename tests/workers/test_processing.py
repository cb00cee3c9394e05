"""What becomes of uploads, whatever dies or is away; and that nothing is left behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import pytest
from lumina_protocol.errors import Unavailable

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.config import Settings
from lumina_rt.store.db import Db
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import processing
from lumina_rt.workers.blobs import BlobRemovals
from lumina_rt.workers.processing import Processing
from tests.media.files import archive, photo
from tests.workers.rows import database, media, user


@dataclass(frozen=True, slots=True)
class Store(FolderBlobs):
    """A folder that can be away, and where putting can be stopped half way."""

    away: set[str] = field(default_factory=set)
    """Names of what it does not do."""
    stopped: asyncio.Event | None = None
    """Set when a second variant is about to be put, which then waits for ever."""

    async def fetch(self, key: str, target: Path) -> None:
        if "fetch" in self.away:
            raise Unavailable(retry_after_ms=1)
        await super(Store, self).fetch(key, target)

    async def put(self, key: str, source: Path, content_type: str) -> None:
        if self.stopped and source.stem != "full":
            self.stopped.set()
            await asyncio.Event().wait()
        await super(Store, self).put(key, source, content_type)


async def uploaded(pg: asyncpg.Connection, blobs: FolderBlobs, content: bytes) -> UUID:
    """A picture that waits, of a user of its own."""
    media_id = await media(pg, await user(pg), status="uploaded")
    key = f"uploads/{media_id}"
    blobs.path(key).parent.mkdir(parents=True, exist_ok=True)
    blobs.path(key).write_bytes(content)
    await pg.execute("update media_objects set storage_key = $2 where media_id = $1", media_id, key)
    return media_id


def worker(db: Db, blobs: FolderBlobs) -> Processing:
    return Processing(db, blobs, Telemetry("test"), blobs.folder / "work")


async def row(pg: asyncpg.Connection, media_id: UUID) -> asyncpg.Record:
    found = await pg.fetchrow("select * from media_objects where media_id = $1", media_id)
    assert found
    return found


async def due(pg: asyncpg.Connection) -> None:
    """As if the time had come."""
    await pg.execute("update media_objects set leased_until = now() where leased_until is not null")


def files(blobs: FolderBlobs) -> set[str]:
    paths = blobs.folder.rglob("*")
    return {path.relative_to(blobs.folder).as_posix() for path in paths if path.is_file()}


def keys(found: asyncpg.Record) -> set[str]:
    return {variant["storage_key"] for variant in orjson.loads(found["variants"])}


async def removed(db: Db, blobs: FolderBlobs) -> None:
    while await BlobRemovals(db, blobs)._remove_one():
        pass


async def test_what_is_ready_is_told_and_the_upload_goes(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    blobs = Store(tmp_path)
    good, bad = await uploaded(pg, blobs, photo(600, 300)), await uploaded(pg, blobs, archive())
    async with database(settings) as db:
        await worker(db, blobs).turn()
        found = await row(pg, good)
        assert (found["status"], found["width"], found["height"]) == ("ready", 600, 300)
        assert found["blurhash"]
        assert (found["failures"], found["storage_key"], found["leased_until"]) == (0, None, None)
        assert files(blobs) == keys(found) | {f"uploads/{good}", f"uploads/{bad}"}
        await removed(db, blobs)
        assert files(blobs) == keys(found) | {f"uploads/{bad}"}
        refused = await row(pg, bad)
        assert (refused["status"], refused["error_code"]) == ("failed", "type")
        assert refused["error"].startswith("This is of no type that is taken.")
        told = await pg.fetch("select user_id, event_type, body from user_events")
        assert {(each["user_id"], each["event_type"]) for each in told} == {
            (found["user_id"], "media.ready"),
            (refused["user_id"], "media.failed"),
        }
        assert not [each for each in told if "storage_key" in str(each["body"])]
        await pg.execute("delete from media_objects")
        await removed(db, blobs)
    assert files(blobs) == set()
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_node_that_dies_at_it_is_followed_by_another(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    half = asyncio.Event()
    dying, blobs = Store(tmp_path, stopped=half), Store(tmp_path)
    media_id = await uploaded(pg, blobs, photo(600, 300))
    async with database(settings, 2) as db:
        task = asyncio.create_task(worker(db, dying).turn())
        await half.wait()
        await worker(db, blobs).turn()
        assert (await row(pg, media_id))["status"] == "processing", "it is held"
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        first = (await row(pg, media_id))["attempt_id"]
        assert f"media/{media_id}/{first.hex}/full.jpg" in files(blobs)
        await due(pg)
        await worker(db, blobs).turn()
    found = await row(pg, media_id)
    assert found["status"] == "ready"
    assert found["attempt_id"] != first
    assert files(blobs) == keys(found) | {f"uploads/{media_id}"}, "nothing is left of the first"
    assert await pg.fetchval("select count(*) from user_events") == 1


async def test_who_has_lost_it_throws_away_what_it_has_made(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease has ended, or its owner has deleted it."""
    monkeypatch.setattr(processing, "TOLD_S", 0.05)
    monkeypatch.setattr(processing, "RENEW_S", 0.05)
    for change in ("attempt_id = gen_random_uuid()", "is_deleted = true, deleted_at = now()"):
        half = asyncio.Event()
        blobs = Store(tmp_path, stopped=half)
        media_id = await uploaded(pg, blobs, photo(600, 300))
        async with database(settings, 2) as db, asyncio.timeout(10):
            task = asyncio.create_task(worker(db, blobs).turn())
            await half.wait()
            await pg.execute(f"update media_objects set {change} where media_id = $1", media_id)
            await task
        assert (await row(pg, media_id))["status"] == "processing"
        assert not {name for name in files(blobs) if name.startswith("media/")}
        assert list((tmp_path / "work").iterdir()) == []
        await pg.execute("delete from media_objects")


async def test_a_store_that_is_away_is_waited_for(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    blobs = Store(tmp_path, away={"fetch"})
    media_id = await uploaded(pg, blobs, photo())
    async with database(settings) as db:
        for _ in range(5):
            await worker(db, blobs).turn()
            found = await row(pg, media_id)
            assert (found["status"], found["failures"]) == ("uploaded", 0)
            await due(pg)
        blobs.away.clear()
        await worker(db, blobs).turn()
    assert (await row(pg, media_id))["status"] == "ready"


async def test_what_fails_here_is_tried_three_times(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    """By a fault, or by the death of each node that tries it."""
    blobs = Store(tmp_path)
    lost, deadly = await uploaded(pg, blobs, photo()), await uploaded(pg, blobs, photo())
    blobs.path(f"uploads/{lost}").unlink()
    await pg.execute(
        "update media_objects set status = 'processing', failures = 3, leased_until = now()"
        " where media_id = $1",
        deadly,
    )
    async with database(settings) as db:
        for tries in (1, 2):
            await worker(db, blobs).turn()
            found = await row(pg, lost)
            assert (found["status"], found["failures"]) == ("uploaded", tries)
            await due(pg)
        await worker(db, blobs).turn()
    for media_id in (lost, deadly):
        found = await row(pg, media_id)
        assert (found["status"], found["error_code"]) == ("failed", "internal")


async def test_two_nodes_take_each_once(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    blobs = Store(tmp_path)
    ids = [await uploaded(pg, blobs, photo()) for _ in range(4)]
    async with database(settings, 2) as db:
        workers = [worker(db, blobs) for _ in range(2)]
        await asyncio.gather(*(each.turn() for each in workers))
    assert {(await row(pg, media_id))["status"] for media_id in ids} == {"ready"}
    told = await pg.fetchval("select count(*) from user_events where event_type = 'media.ready'")
    assert told == len(ids)


async def test_who_has_lost_it_harms_nothing_of_another(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    """Whatever it would have said of it in the end."""
    blobs = Store(tmp_path)
    media_id = await uploaded(pg, blobs, photo(600, 300))
    async with database(settings) as db:
        late = worker(db, blobs)
        for end in (
            lambda one: late._fail(one, "broken", "No."),
            lambda one: late._give_back(one, OSError(), 1),
            late._settle,
        ):
            one = await late._take()
            assert one
            await due(pg)
            await worker(db, blobs).turn()
            before = await row(pg, media_id)
            assert before["status"] == "ready"
            await blobs.put(f"{one.folder}full.jpg", tmp_path / f"uploads/{media_id}", "")
            await end(one)
            assert dict(await row(pg, media_id)) == dict(before)
            assert files(blobs) == keys(before) | {f"uploads/{media_id}"}
            await pg.execute(
                "update media_objects set status = 'uploaded', storage_key = $1",
                f"uploads/{media_id}",
            )
            await blobs.delete_all(f"media/{media_id}/")
