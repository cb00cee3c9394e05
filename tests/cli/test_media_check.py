"""What the table of media says, against a folder and a bucket in which something is wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from pydantic import SecretStr

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.s3 import S3Blobs
from lumina_rt.blobs.store import Blobs
from lumina_rt.config import Settings
from lumina_rt.workers.media_check import LOST, NO_BYTES, NO_ROW, SIZE, MediaCheck
from tests.blobs.bucket import Bucket, s3
from tests.cli.command import environment, lumina
from tests.workers.rows import add, database, media, user

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

DAY_S = 24 * 3600


@asynccontextmanager
async def store(settings: Settings, kind: str) -> AsyncIterator[tuple[Blobs, Bucket | None]]:
    if kind == "folder":
        yield FolderBlobs(settings.blob_dir), None
        return
    async with s3() as bucket:
        yield S3Blobs(bucket.client, bucket.name), bucket


async def check(settings: Settings, bucket: Bucket | None, *args: str) -> CompletedProcess[str]:
    more = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in (bucket.settings if bucket else {}).items()
    }
    env = environment(
        environment="development",
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        secret=settings.secret.get_secret_value(),
        blob_dir=str(settings.blob_dir),
        **more,
    )
    return await asyncio.to_thread(lumina, "media", "check", *args, env=env)


@dataclass
class House:
    """Media in the table and the store."""

    pg: asyncpg.Connection
    blobs: Blobs
    room: Path
    owner: UUID

    async def keep(self, key: str, size: int = 1) -> None:
        source = self.room / "source"
        source.write_bytes(b"x" * size)
        await self.blobs.put(key, source, "image/webp")

    async def ready(self, *, lost: bool = False, size: int = 10) -> UUID:
        media_id = await media(self.pg, self.owner, status="ready")
        names = {name: f"media/{media_id}/{uuid4().hex}/{name}.webp" for name in ("full", "small")}
        variants = [{"name": n, "storage_key": key, "bytes": 10} for n, key in names.items()]
        await self.pg.execute(
            "update media_objects set variants = $2 where media_id = $1",
            media_id, orjson.dumps(variants).decode(),
        )  # fmt: skip
        await self.keep(names["full"], size)
        if not lost:
            await self.keep(names["small"], 10)
        return media_id

    async def uploaded(self, status: str = "uploaded", *, there: bool = True) -> UUID:
        media_id = await media(self.pg, self.owner, status=status)
        key = f"uploads/{media_id}-0a1b2c3d"
        await self.pg.execute(
            "update media_objects set storage_key = $2, attempt_id = $3 where media_id = $1",
            media_id, key, uuid4(),
        )  # fmt: skip
        if there:
            await self.keep(key)
        return media_id

    async def keys(self) -> set[str]:
        return {each.key for folder in ("uploads/", "media/")
                async for each in self.blobs.walk(folder)}  # fmt: skip


async def all_right(house: House) -> None:
    """One in each state in which nothing is wrong."""
    await house.ready()
    await house.uploaded()
    await house.uploaded("failed")
    await house.uploaded("uploading", there=False)
    media_id = await house.uploaded("processing")
    attempt = await house.pg.fetchval(
        "select attempt_id from media_objects where media_id = $1", media_id
    )
    await house.keep(f"media/{media_id}/{attempt.hex}/full.webp")
    gone, key = uuid4(), f"uploads/{uuid4()}-0a1b2c3d"
    for storage_key, of in ((f"media/{gone}/a/full.webp", gone), (key, UUID(key[8:44]))):
        await add(house.pg, "blob_removals", storage_key=storage_key, media_id=of)
    for each in (f"media/{gone}/a/full.webp", f"media/{gone}/a/small.webp", key):
        await house.keep(each)


async def test_what_is_right_is_let_be(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    for kind in ("folder", "bucket"):
        async with store(settings, kind) as (blobs, bucket):
            house = House(pg, blobs, tmp_path, await user(pg))
            await all_right(house)
            before = await house.keys()
            done = await check(settings, bucket, "--fix")
            assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "nothing is wrong")
            assert "compared: 9 files, 5 rows" in done.stdout
            assert "left to the nodes: 3 that they remove" in done.stdout
            assert await house.keys() == before
            async with database(settings) as db:
                late = MediaCheck(db, blobs, DAY_S, fix=True, clock=lambda: time.time() + 2 * DAY_S)
                report = await late.run()
            assert (report.removed, report.going) == (0, 3)
            assert await house.keys() == before
        await pg.execute("delete from media_objects")
        await pg.execute("delete from blob_removals")


@pytest.mark.parametrize("kind", ["folder", "bucket"])
async def test_what_is_wrong_is_named_and_only_old_files_go(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path, kind: str
) -> None:
    async with store(settings, kind) as (blobs, bucket):
        house = House(pg, blobs, tmp_path, await user(pg))
        lost, other = await house.ready(lost=True), await house.ready(size=7)
        empty = await house.uploaded(there=False)
        nowhere = [f"media/{lost}/{uuid4().hex}/old.webp", f"uploads/{uuid4()}-0a1b2c3d",
                   "media/strange"]  # fmt: skip
        for key in nowhere:
            await house.keep(key, 5)
        done = await check(settings, bucket, "--fix")
        assert done.returncode == 1
        assert "left alone: 3 that no row names" in done.stdout
        for what, of in ((LOST, lost), (SIZE, other), (NO_BYTES, empty)):
            assert f"{what}, for example:" in done.stdout
            assert str(of) in done.stdout
        assert "7 bytes, should be 10" in done.stdout
        assert done.stdout.splitlines()[-1] == "wrong: 3"
        before = await house.keys()
        assert before >= set(nowhere), "they are young"

        later = time.time() + 2 * DAY_S
        async with database(settings) as db:
            looked = await MediaCheck(db, blobs, DAY_S, clock=lambda: later).run()
            assert looked.wrong[NO_ROW].count == 3
            assert looked.wrong[NO_ROW].size == 15
            assert await house.keys() == before, "it only looks"
            mended = await MediaCheck(db, blobs, DAY_S, fix=True, clock=lambda: later).run()
        assert mended.removed == looked.wrong[NO_ROW].count
        assert await house.keys() == before - set(nowhere)


async def test_uploads_in_parts_of_which_nothing_is_known_end(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """moto says of each that it was begun in 2010."""
    async with store(settings, "bucket") as (blobs, bucket), database(settings) as db:
        assert bucket
        if bucket.server is None:
            pytest.skip("they are young, as they should be")
        known = await media(pg, await user(pg), status="uploading")
        keys = [f"uploads/{media_id}-0a1b2c3d" for media_id in (known, uuid4())]
        await pg.execute("update media_objects set storage_key = $1", keys[0])
        for key in keys:
            await blobs.begin(key, "image/webp")
        report = await MediaCheck(db, blobs, DAY_S, fix=True).run()
        assert (report.files, report.removed) == (2, 1)
        assert report.wrong[NO_ROW].examples == [f"{keys[1]}: 0 bytes"]
        assert await bucket.under_way() == 1


async def test_the_command_removes_what_is_old(settings: Settings, pg: asyncpg.Connection) -> None:
    blobs = FolderBlobs(settings.blob_dir)
    old, young = (blobs.path(f"uploads/{uuid4()}-0a1b2c3d") for _ in range(2))
    old.parent.mkdir(parents=True, exist_ok=True)
    for path, hours in ((old, 3), (young, 1)):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - hours * 3600 + 60,) * 2)
    done = await check(settings, None, "--grace", "2")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "wrong: 1; mend with: lumina media check --fix"
    assert old.name in done.stdout
    assert young.name not in done.stdout
    done = await check(settings, None, "--grace", "2", "--fix")
    assert (done.returncode, old.exists(), young.exists()) == (0, False, True)
    assert done.stdout.splitlines()[-2:] == [
        "removed: 1 that no row named",
        "nothing else is wrong",
    ]


async def test_a_store_that_is_away_is_one_line(settings: Settings, pg: asyncpg.Connection) -> None:
    async with s3() as bucket:
        bucket.stop()
        done = await check(settings, bucket)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("lumina: The server cannot reach its files")


def test_no_grace_is_refused_and_the_help_has_examples() -> None:
    assert "--grace" in complaint_of(lumina("media", "check", "--grace", "0"))
    assert "lumina media check --fix --grace 72" in lumina("media", "check", "--help").stdout


def complaint_of(done: CompletedProcess[str]) -> str:
    assert done.returncode == 2
    return done.stderr
