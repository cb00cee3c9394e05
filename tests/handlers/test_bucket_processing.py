"""From an upload to a bucket to what is shown from there, also when it is away in between."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from aiohttp import ClientSession
from lumina_protocol.media_news import MediaProgress, MediaReady
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.uploads import GetParts

from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.workers import blobs as removals
from lumina_rt.workers import processing
from tests.blobs.bucket import s3
from tests.house import nodes, open_conversation, register, say, user
from tests.media.files import TOLD, photo
from tests.uploading import begin, complete, fetched, look

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "EVERY_S", 0.05)
    monkeypatch.setattr(processing, "WAIT_S", 0.05)
    monkeypatch.setattr(removals, "EVERY_S", 0.05)


async def uploaded(client: Client, http: ClientSession, content: bytes) -> UUID:
    upload = await begin(client, content)
    (part,) = (await client.call(GetParts(media_id=upload.media_id))).parts
    async with http.put(part.url, data=content) as response:
        assert response.status == 200, await response.text()
    assert (await complete(client, upload.media_id)).status == "uploaded"
    return upload.media_id


async def until_ready(inbox: Inbox) -> MediaReady:
    async for news in inbox:
        if isinstance(news, MediaReady):
            return news
    raise AssertionError("an inbox does not end")


async def test_a_photo_goes_through_a_bucket_that_is_away_for_a_while(settings: Settings) -> None:
    async with (
        s3() as bucket,
        nodes(settings, 1, **bucket.settings) as (node,),
        ClientSession() as http,
    ):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            media_id = await uploaded(alice, http, photo(800, 600, turned=6))
            talk = await open_conversation(alice, "bob")
            bucket.stop()
            with alice.inbox() as inbox:
                more = {**bucket.settings, "node": "worker", "media_at_once": 1}
                async with nodes(settings, 1, **more), asyncio.timeout(15):
                    tries = 0
                    async for news in inbox:
                        tries += isinstance(news, MediaProgress)
                        if tries == 4:  # as often as a fault of the file would be tried
                            break
                    assert (await say(alice, talk, "still here")).seq == 1
                    assert (await look(alice, media_id)).status in ("uploaded", "processing")
                    bucket.start()
                    ready = await until_ready(inbox)
                    while any(key.startswith("uploads/") for key in await bucket.keys()):
                        await asyncio.sleep(0.05)
            assert (ready.media.media_id, ready.media.width) == (media_id, 600)
            urls = (await alice.call(GetMediaUrls(media_ids=[media_id]))).urls
            assert [each.variant for each in urls] == [each.name for each in ready.variants]
            for each in urls:
                got = await fetched(http, node, each.url)
                assert (got.status, len(got.body)) == (200, each.bytes)
                assert got.headers["Content-Type"] == each.content_type
                assert [secret for secret in TOLD if secret in got.body] == []
            assert len(await bucket.keys()) == len(urls)
