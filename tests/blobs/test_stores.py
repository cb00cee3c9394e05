"""A folder and a bucket do the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.s3 import S3Blobs
from lumina_rt.blobs.store import Blobs, Shown
from tests.blobs.bucket import s3

DATA = os.urandom(3_000_000)
LARGE = os.urandom(8 * 1024 * 1024) * 2 + b"rest"


@pytest.fixture(params=["folder", "bucket"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    if request.param == "folder":
        yield FolderBlobs(tmp_path / "blobs")
        return
    async with s3() as bucket:
        yield S3Blobs(bucket.client, bucket.name)


async def read(blobs: Blobs, key: str, first: int = 0, last: int | None = None) -> bytes:
    return b"".join([data async for data in blobs.read(key, first, last)])


@pytest.mark.parametrize("data", [b"", DATA, LARGE], ids=["empty", "some", "in parts"])
async def test_what_is_put_is_got(blobs: Blobs, tmp_path: Path, data: bytes) -> None:
    await blobs.examine()
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    key = "media/one/large.webp"
    await blobs.put(key, source, "image/webp")
    found = await blobs.stat(key)
    assert found
    assert (found.key, found.size) == (key, len(data))
    assert await read(blobs, key) == data
    assert await blobs.sha256(key) == hashlib.sha256(data).digest()
    await blobs.fetch(key, target)
    assert target.read_bytes() == data
    if data:
        assert await read(blobs, key, 10, 19) == data[10:20]
        assert await read(blobs, key, 0, 0) == data[:1]
        assert await read(blobs, key, len(data) - 5) == data[-5:]


async def test_what_is_deleted_is_gone(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for key in ("media/one/a", "media/one/b", "media/onemore/a", "uploads/one"):
        await blobs.put(key, source, "image/webp")
    await blobs.delete_all("media/one/")
    await blobs.delete_all("media/none/")
    assert {found.key async for found in blobs.walk("media/")} == {"media/onemore/a"}
    await blobs.delete("uploads/one")
    await blobs.delete("uploads/one")
    assert await blobs.stat("uploads/one") is None
    with pytest.raises(FileNotFoundError):
        await read(blobs, "uploads/one")
    with pytest.raises(FileNotFoundError):
        await blobs.sha256("uploads/one")


async def test_no_key_leads_elsewhere(blobs: Blobs, tmp_path: Path) -> None:
    for key in ("../x", "/etc/passwd", "a/../../x", "a//b", ".x", "", "a/./b", "a\0", "a\n"):
        with pytest.raises(ValueError, match="no key"):
            await blobs.stat(key)
        with pytest.raises(ValueError, match="no key"):
            await blobs.put(key, tmp_path, "image/webp")
        with pytest.raises(ValueError, match="no key"):
            await blobs.delete(key)


async def test_a_bucket_gives_urls_and_a_folder_does_not(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    await blobs.put("media/one/a", source, "image/webp")
    shown = Shown("image/png", 'inline; filename="a.png"')
    url = await blobs.url("media/one/a", shown, 60)
    assert (url is None) is not blobs.in_parts
    if url:
        async with ClientSession() as session, session.get(url) as response:
            assert await response.read() == b"x"
            assert response.headers["Content-Type"] == "image/png"
            assert response.headers["Content-Disposition"] == shown.disposition
