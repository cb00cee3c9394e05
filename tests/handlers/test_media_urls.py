"""Media fetched by URLs: by whom they are shown to, in parts, and by nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import pytest
from aiohttp import ClientSession
from lumina_protocol.blocks import BlockUser
from lumina_protocol.comments import CreateComment
from lumina_protocol.fields import uuid7
from lumina_protocol.media_urls import GetMediaUrls, MediaUrl
from lumina_protocol.messages import DeleteMessage, SendMessage
from lumina_protocol.post_changes import DeletePost
from lumina_protocol.posts import CreatePost
from lumina_protocol.stories import CreateStory, DeleteStory

from lumina_rt import links
from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, user
from tests.http.asking import http_url
from tests.uploading import begin, complete, fetched, tus

LARGE = b"large" * 1000


@asynccontextmanager
async def three(
    settings: Settings, **changes: object
) -> AsyncIterator[tuple[Node, Client, Client, Client, ClientSession]]:
    async with nodes(settings, 2, **changes) as (one, other), ClientSession() as http:
        await register(one, "alice", "bob", "mallory")
        async with (
            user(one, "alice") as alice,
            user(other, "bob") as bob,
            user(other, "mallory") as mallory,
        ):
            yield other, alice, bob, mallory, http


async def ready(pg: asyncpg.Connection, node: Node, owner: Client, http: ClientSession) -> UUID:
    """An image, and one variant of it, as processing would have made it."""
    upload = await begin(owner, b"the original")
    assert (await tus(http, node, upload).patch(0, b"the original"))[0] == 204
    await complete(owner, upload.media_id)
    key = f"media/{upload.media_id}/large"
    path = node.settings.blob_dir / key
    path.parent.mkdir(parents=True)
    path.write_bytes(LARGE)
    await pg.execute(
        "update media_objects set status = 'ready', variants = jsonb_build_array("
        " jsonb_build_object('name', 'large', 'storage_key', $2::text,"
        " 'content_type', 'image/webp', 'width', 640, 'height', 480, 'bytes', 5000)) "
        "where media_id = $1",
        upload.media_id, key,
    )  # fmt: skip
    return upload.media_id


async def seen(
    client: Client, *media_ids: UUID, conversation_id: UUID | None = None
) -> dict[str, MediaUrl]:
    asked = GetMediaUrls(media_ids=list(media_ids), conversation_id=conversation_id)
    return {found.variant: found for found in (await client.call(asked)).urls}


async def test_a_file_is_fetched_whole_and_in_parts(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with three(settings) as (node, alice, _, _, http):
        media_id = await ready(pg, node, alice, http)
        found = await seen(alice, media_id)
        assert set(found) == {"large", "original"}
        assert (found["large"].width, found["large"].bytes) == (640, 5000)
        assert await seen(alice, media_id) == found, "the same URL, for their cache"
        whole = await fetched(http, node, found["large"].url)
        assert (whole.status, whole.body) == (200, LARGE)
        assert whole.headers["Content-Type"] == "image/webp"
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        assert whole.headers["Content-Disposition"] == f'inline; filename="{media_id}.webp"'
        assert "sandbox" in whole.headers["Content-Security-Policy"]
        again = await fetched(
            http, node, found["large"].url, **{"If-None-Match": whole.headers["ETag"]}
        )
        assert again.status == 304
        part = await fetched(http, node, found["large"].url, Range="bytes=10-19")
        assert (part.status, part.body) == (206, LARGE[10:20])
        late = await fetched(http, node, found["large"].url, Range="bytes=9999-")
        assert late.status == 416
        async with http.head(http_url(node) + found["large"].url) as head:
            assert (head.status, head.headers["Content-Length"]) == (200, "5000")
        original = await fetched(http, node, found["original"].url)
        assert original.body == b"the original"
        assert original.headers["Content-Type"] == "application/octet-stream"
        assert original.headers["Content-Disposition"].startswith("attachment;")


async def test_a_url_is_good_for_its_file_and_its_time(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three(settings) as (node, alice, _, mallory, http):
        first, hers = [await ready(pg, node, owner, http) for owner in (alice, mallory)]
        good = (await seen(alice, first))["large"].url
        signed = good.partition("?")[2]
        for bad in (
            good.partition("?")[0],
            good[:-1] + ("0" if good[-1] != "0" else "1"),
            good.replace("/large", "/original"),
            good.replace(str(first), str(hers)),
            f"/v1/media/{first}/..%2F..%2Fexports?{signed}",
        ):
            refused = await fetched(http, node, bad)
            assert (refused.status, json.loads(refused.body)["code"]) == (401, "invalid_token"), bad
        until = int(parse_qs(urlsplit(good).query)["until"][0])
        old, _ = links.Links(node.services.links.secrets).issue(
            f"/v1/media/{first}/large", links.NOBODY, until - 10 * settings.media_url_s * 1000
        )
        assert (await fetched(http, node, old)).status == 401
        assert (await fetched(http, node, good)).status == 200
        await pg.execute("update media_objects set is_deleted = true, deleted_at = now()")
        assert (await fetched(http, node, good)).status == 404
        assert await seen(alice, first) == {}


async def test_media_are_for_whom_what_shows_them_is_for(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with three(settings) as (node, alice, bob, mallory, http):
        media_id = await ready(pg, node, alice, http)
        assert await seen(bob, media_id) == {}
        conversation = await open_conversation(alice, "bob")
        sent = SendMessage(
            conversation_id=conversation,
            message_id=uuid7(),
            message_type="image",
            media_ids=[media_id],
        )
        await alice.call(sent)
        assert set(await seen(bob, media_id, conversation_id=conversation)) == {"large"}
        assert await seen(bob, media_id) == {}
        assert await seen(mallory, media_id, conversation_id=conversation) == {}
        own = await open_conversation(mallory, "bob")
        await mallory.call(
            SendMessage(conversation_id=own, message_id=sent.message_id, content="mine")
        )
        assert await seen(mallory, media_id, conversation_id=own) == {}, "of the same id"
        name: dict[str, Any] = {"conversation_id": conversation, "message_id": sent.message_id}
        await alice.call(DeleteMessage(op_id=uuid7(), **name))
        assert await seen(bob, media_id, conversation_id=conversation) == {}

        post = CreatePost(post_id=uuid7(), post_type="photo", media_ids=[media_id])
        await alice.call(post)
        assert set(await seen(bob, media_id)) == {"large"}
        await alice.call(DeletePost(op_id=uuid7(), post_id=post.post_id))
        assert await seen(bob, media_id) == {}

        story = CreateStory(story_id=uuid7(), media_id=media_id, visibility="public")
        await alice.call(story)
        assert set(await seen(mallory, media_id)) == {"large"}
        hers = await pg.fetchval("select user_id from users where username = 'mallory'")
        await alice.call(BlockUser(op_id=uuid7(), user_id=hers))
        assert await seen(mallory, media_id) == {}
        await alice.call(DeleteStory(op_id=uuid7(), story_id=story.story_id))

        text = CreatePost(post_id=uuid7(), post_type="text", caption="look")
        await alice.call(text)
        comment = CreateComment(comment_id=uuid7(), post_id=text.post_id, media_id=media_id)
        await alice.call(comment)
        assert set(await seen(bob, media_id)) == {"large"}
        assert await seen(mallory, media_id) == {}


async def test_a_cdn_gives_what_is_shown_and_never_the_original(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    cdn = "https://cdn.example"
    async with three(settings, blobs_public_url=cdn) as (node, alice, _, _, http):
        media_id = await ready(pg, node, alice, http)
        found = await seen(alice, media_id)
        assert found["large"].url == f"{cdn}/media/{media_id}/large"
        assert found["original"].url.startswith("/v1/media/")
