"""From an upload to what others see of it, through the front door."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from aiohttp import ClientSession
from lumina_protocol.fields import uuid7
from lumina_protocol.media_news import MediaFailed, MediaProgress, MediaReady
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.messages import MessageCreated, SendMessage
from lumina_protocol.uploads import MediaKind

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.workers import processing
from tests.house import nodes, open_conversation, register, user
from tests.http.asking import http_url
from tests.media.files import TOLD, archive, photo
from tests.oracle import oracle
from tests.uploading import begin, complete, look, tus

OUTCOMES = MediaReady | MediaFailed


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "EVERY_S", 0.05)


async def upload(
    client: Client, http: ClientSession, node: Node, content: bytes, kind: MediaKind = "image"
) -> UUID:
    made = await begin(client, content, kind)
    assert (await tus(http, node, made).patch(0, content))[0] == 204
    await complete(client, made.media_id)
    return made.media_id


async def outcome(inbox: Inbox) -> tuple[OUTCOMES, list[int]]:
    """With the progress that came before."""
    shares: list[int] = []
    async for news in inbox:
        if isinstance(news, MediaProgress):
            shares.append(news.percent)
        if isinstance(news, OUTCOMES):
            return news, shares
    raise AssertionError("an inbox does not end")


async def test_a_photo_is_sent_and_tells_nothing(settings: Settings) -> None:
    async with nodes(settings, 2, media_at_once=1) as (one, other), ClientSession() as http:
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(other, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            async with oracle(alice), user(other, "alice") as elsewhere:
                with elsewhere.inbox() as inbox, bob.inbox() as of_bob:
                    content = photo(800, 600, turned=6)
                    media_id = await upload(alice, http, one, content)
                    ready, shares = await outcome(inbox)
                    assert isinstance(ready, MediaReady)
                    assert shares[:1] == [0]
                    assert (ready.media.width, ready.media.height) == (600, 800)
                    assert ready.media.content_type == "image/jpeg"
                    assert (await look(alice, media_id)).status == "ready"
                    await alice.call(
                        SendMessage(
                            conversation_id=talk,
                            message_id=uuid7(),
                            content="",
                            message_type="image",
                            media_ids=[media_id],
                        )
                    )
                    async for news in of_bob:
                        assert not isinstance(news, OUTCOMES | MediaProgress)
                        if isinstance(news, MessageCreated):
                            assert news.message.attachments == [ready.media]
                            break
            asked = GetMediaUrls(media_ids=[media_id], conversation_id=talk)
            urls = (await bob.call(asked)).urls
            told = [(each.name, each.bytes) for each in ready.variants]
            assert [(each.variant, each.bytes) for each in urls] == told
            for each in urls:
                async with http.get(http_url(other) + each.url) as response:
                    kept = await response.read()
                assert (response.status, len(kept)) == (200, each.bytes)
                assert response.headers["Content-Type"] == each.content_type
                assert [secret for secret in TOLD if secret in kept] == []


async def test_it_is_begun_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before anybody would look again."""
    monkeypatch.setattr(processing, "EVERY_S", 1000)
    async with nodes(settings, 1, media_at_once=2) as (node,), ClientSession() as http:
        await register(node, "alice")
        async with user(node, "alice") as alice, asyncio.timeout(10):
            with alice.inbox() as inbox:
                for _ in range(3):
                    await upload(alice, http, node, photo())
                    assert isinstance((await outcome(inbox))[0], MediaReady)


async def test_what_is_no_picture_is_refused(settings: Settings) -> None:
    async with nodes(settings, 1, media_at_once=2) as (node,), ClientSession() as http:
        await register(node, "alice")
        async with user(node, "alice") as alice, oracle(alice):
            with alice.inbox() as inbox:
                media_id = await upload(alice, http, node, photo() + archive())
                failed, _ = await outcome(inbox)
            assert isinstance(failed, MediaFailed)
            assert (failed.media_id, failed.code) == (media_id, "polyglot")
            found = await look(alice, media_id)
            assert (found.status, found.error) == ("failed", failed.error)
    assert not (settings.blob_dir / "media" / str(media_id)).exists()
