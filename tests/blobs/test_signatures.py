"""What a URL that was made for a part, or for a file, is good for, and what not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from lumina_rt.blobs.s3 import S3Blobs, open_bucket
from lumina_rt.blobs.store import Shown
from lumina_rt.config import Settings
from tests.blobs.bucket import REAL, s3

pytestmark = pytest.mark.skipif(not REAL, reason="moto checks no signatures: make test-s3")
PICTURE = Shown("image/webp", "inline")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[S3Blobs]:
    """As a node opens it."""
    async with (
        s3() as bucket,
        open_bucket(settings.model_copy(update=bucket.settings)) as blobs,
    ):
        yield blobs


async def status(http: ClientSession, method: str, url: str, data: bytes | None = None) -> int:
    async with http.request(method, url, data=data) as response:
        return response.status


async def test_a_part_is_what_was_said(settings: Settings) -> None:
    async with opened(settings) as blobs, ClientSession() as http:
        key = "uploads/one"
        upload_id = await blobs.begin(key, "image/webp")
        (url,) = await blobs.part_urls(key, upload_id, {1: 10}, 60)
        for data in (b"x" * 9, b"x" * 11, b""):
            assert await status(http, "PUT", url, data) == 403
        for other in (
            url.replace("partNumber=1", "partNumber=2"),
            url.replace("uploads/one", "uploads/two"),
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
            url.partition("?")[0],
        ):
            assert other != url
            assert await status(http, "PUT", other, b"x" * 10) in (403, 405)
        assert (await blobs.received(key, upload_id)).size == 0
        assert await status(http, "PUT", url, b"x" * 10) == 200
        assert (await blobs.received(key, upload_id)).parts == {1: 10}


async def test_a_file_is_for_who_has_its_url(settings: Settings, tmp_path: Path) -> None:
    async with opened(settings) as blobs, ClientSession() as http:
        source = tmp_path / "source"
        source.write_bytes(b"x")
        for key in ("media/one/a", "media/two/a"):
            await blobs.put(key, source, "image/webp")
        url = await blobs.url("media/one/a", PICTURE, 60)
        assert url
        assert await status(http, "GET", url) == 200
        for other in (
            url.partition("?")[0],
            url.replace("media/one", "media/two"),
            url.replace("image%2Fwebp", "text%2Fhtml"),
            url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
        ):
            assert other != url
            assert await status(http, "GET", other) == 403
