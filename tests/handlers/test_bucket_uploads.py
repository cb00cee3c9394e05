"""Uploads to a bucket, in parts; and what becomes of them while it is away."""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import pytest
from aiohttp import ClientSession
from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Request
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.uploads import CancelUpload, CompleteUpload, GetParts, PartsReply

from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.workers import blobs as removals
from tests.blobs.bucket import Bucket, s3
from tests.house import nodes, open_conversation, register, say, user
from tests.uploading import begin, complete, fetched, look, wanted

PART = 8 * 1024 * 1024
DATA = os.urandom(1024) * (2 * 8192) + b"the last part"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "EVERY_S", 0.02)


async def put(http: ClientSession, reply: PartsReply, data: bytes) -> None:
    for part in reply.parts:
        begin_at = (part.part - 1) * PART
        piece = data[begin_at : begin_at + part.bytes]
        async with http.put(part.url, data=io.BytesIO(piece)) as response:
            assert response.status == 200, await response.text()


async def until_empty(bucket: Bucket) -> None:
    async with asyncio.timeout(10):
        while await bucket.keys() or await bucket.under_way():
            await asyncio.sleep(0.05)


async def refused(client: Client, request: Request[Any]) -> LuminaError:
    with pytest.raises(LuminaError) as caught:
        await client.call(request)
    return caught.value


async def test_an_upload_in_parts_is_resumed_and_completed(settings: Settings) -> None:
    async with (
        s3() as bucket,
        nodes(settings, 2, **bucket.settings) as (one, other),
        ClientSession() as http,
    ):
        await register(one, "alice")
        async with user(one, "alice") as alice, user(other, "alice") as tablet:
            upload = await begin(alice, DATA, kind="video")
            assert (upload.parts, upload.part_bytes, upload.url) == (3, PART, None)
            name: dict[str, Any] = {"media_id": upload.media_id}
            await put(http, await alice.call(GetParts(limit=1, **name)), DATA)
            there = await look(tablet, upload.media_id)
            assert (there.received, there.parts_received) == (PART, [1])
            assert (await refused(alice, CompleteUpload(**name))).body.code == "incomplete"
            beyond = await refused(alice, GetParts(first=4, **name))
            assert (beyond.body.code, beyond.body.field) == ("invalid", "first")
            await put(http, await tablet.call(GetParts(first=2, **name)), DATA)
            done = await complete(tablet, upload.media_id)
            assert (done.status, done.received) == ("uploaded", len(DATA))
            assert await complete(alice, upload.media_id) == done
            (url,) = (await alice.call(GetMediaUrls(media_ids=[upload.media_id]))).urls
            whole = await fetched(http, one, url.url)
            assert whole.body == DATA
            assert whole.headers["Content-Disposition"].startswith("attachment;")
            assert await bucket.under_way() == 0


async def test_what_is_wrong_or_given_up_is_removed(settings: Settings) -> None:
    async with (
        s3() as bucket,
        nodes(settings, 1, **bucket.settings) as (node,),
        ClientSession() as http,
    ):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            wrong, given_up = [await begin(alice, b"x" * 100) for _ in range(2)]
            for upload in (wrong, given_up):
                reply = await alice.call(GetParts(media_id=upload.media_id))
                await put(http, reply, b"y" * 100)
            asked = CompleteUpload(media_id=wrong.media_id)
            assert (await refused(alice, asked)).body.code == "wrong_hash"
            assert (await alice.call(CancelUpload(media_id=given_up.media_id))).changed
            await until_empty(bucket)


async def test_while_the_bucket_is_away_uploads_wait_and_chat_goes_on(settings: Settings) -> None:
    async with s3() as bucket, nodes(settings, 1, **bucket.settings) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            upload = await begin(alice, b"x" * 100)
            bucket.stop()
            for request in (wanted(b"y"), CompleteUpload(media_id=upload.media_id)):
                away = (await refused(alice, request)).body
                assert (away.code, away.temporary) == ("unavailable", True)
            conversation = await open_conversation(alice, "bob")
            assert (await say(alice, conversation, "still here")).seq == 1
