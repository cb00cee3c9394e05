"""What may show media takes those of one's own that are ready, and gives them to who may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.comments import CreateComment, DeleteComment
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.groups import ChangeConversation
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.members import CreateGroup
from lumina_protocol.messages import DeleteMessage, SendMessage
from lumina_protocol.post_changes import DeletePost
from lumina_protocol.posts import CreatePost
from lumina_protocol.profile_changes import ChangeProfile
from lumina_protocol.profiles import GetUser
from lumina_protocol.stories import CreateStory, DeleteStory
from lumina_protocol.story_highlights import CreateHighlight, RemoveHighlight
from lumina_protocol.watches import ProfileState, Watch

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, user
from tests.oracle import oracle
from tests.workers.rows import media


@dataclass(frozen=True)
class Use:
    show: Callable[[UUID], Request[Any]]
    field: str
    end: Request[Any]
    conversation_id: UUID | None = None
    code: str = "invalid"
    """Of what is one's own and not ready."""


def uses(talk: UUID, group: UUID, text: UUID, story: UUID) -> dict[str, Use]:
    """In each kind of thing."""
    post_id, story_id, comment_id, highlight_id = (uuid7() for _ in range(4))
    in_talk: dict[str, Any] = {"conversation_id": talk, "message_id": uuid7()}
    return {
        "avatar": Use(
            lambda media_id: ChangeProfile(op_id=uuid7(), picture_media_id=media_id),
            "picture_media_id",
            ChangeProfile(op_id=uuid7(), remove_picture=True),
            code="not_found",
        ),
        "group": Use(
            lambda media_id: ChangeConversation(
                op_id=uuid7(), conversation_id=group, picture_media_id=media_id
            ),
            "picture_media_id",
            ChangeConversation(op_id=uuid7(), conversation_id=group, remove_picture=True),
            code="not_found",
        ),
        "message": Use(
            lambda media_id: SendMessage(message_type="image", media_ids=[media_id], **in_talk),
            "media_ids",
            DeleteMessage(op_id=uuid7(), **in_talk),
            talk,
        ),
        "post": Use(
            lambda media_id: CreatePost(post_id=post_id, post_type="photo", media_ids=[media_id]),
            "media_ids",
            DeletePost(op_id=uuid7(), post_id=post_id),
        ),
        "story": Use(
            lambda media_id: CreateStory(story_id=story_id, media_id=media_id, visibility="public"),
            "media_id",
            DeleteStory(op_id=uuid7(), story_id=story_id),
        ),
        "comment": Use(
            lambda media_id: CreateComment(comment_id=comment_id, post_id=text, media_id=media_id),
            "media_id",
            DeleteComment(op_id=uuid7(), post_id=text, comment_id=comment_id),
        ),
        "highlight": Use(
            lambda media_id: CreateHighlight(
                highlight_id=highlight_id,
                highlight_title="Then",
                story_ids=[story],
                cover_media_id=media_id,
            ),
            "cover_media_id",
            RemoveHighlight(op_id=uuid7(), highlight_id=highlight_id),
        ),
    }


async def picture(pg: asyncpg.Connection, owner: Client, status: str = "ready") -> UUID:
    """As processing would have made it."""
    assert owner.ready
    variant = {"name": "full", "storage_key": "media/x/full.jpg", "content_type": "image/jpeg",
               "bytes": 10}  # fmt: skip
    media_id = await media(pg, owner.ready.user_id, status=status)
    await pg.execute(
        "update media_objects set variants = $2 where media_id = $1",
        media_id, orjson.dumps([variant]).decode(),
    )  # fmt: skip
    return media_id


async def refused(client: Client, request: Request[Any]) -> tuple[str, str | None]:
    with pytest.raises(LuminaError) as caught:
        await client.call(request)
    return caught.value.body.code, caught.value.body.field


async def sees(client: Client, media_id: UUID, use: Use) -> bool:
    asked = GetMediaUrls(media_ids=[media_id], conversation_id=use.conversation_id)
    return bool((await client.call(asked)).urls)


async def test_each_takes_ones_own_and_shows_it_to_who_may_see_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob", "mallory")
        async with (
            user(one, "alice") as alice,
            user(other, "bob") as bob,
            user(other, "mallory") as mallory,
        ):
            assert mallory.ready
            await alice.call(BlockUser(op_id=uuid7(), user_id=mallory.ready.user_id))
            talk = await open_conversation(alice, "bob")
            group, text, story = uuid7(), uuid7(), uuid7()
            await alice.call(CreateGroup(conversation_id=group, title="Tea", usernames=["bob"]))
            await alice.call(CreatePost(post_id=text, post_type="text", caption="look"))
            own = await picture(pg, alice)
            await alice.call(CreateStory(story_id=story, media_id=own, visibility="public"))
            async with oracle(alice):
                for name, use in uses(talk, group, text, story).items():
                    hers = await picture(pg, mallory)
                    found = await refused(alice, use.show(hers))
                    assert found == ("not_found", use.field), name
                    for status in ("uploading", "uploaded", "processing", "failed"):
                        late = await picture(pg, alice, status)
                        assert await refused(alice, use.show(late)) == (use.code, use.field), name
                    media_id = await picture(pg, alice)
                    assert not await sees(bob, media_id, use), name
                    await alice.call(use.show(media_id))
                    assert await sees(bob, media_id, use), name
                    assert not await sees(mallory, media_id, use), name
                    await alice.call(use.end)
                    assert not await sees(bob, media_id, use), name
                    assert await sees(alice, media_id, use), name


async def test_a_profile_is_changed_and_told(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(other, "bob") as bob, oracle(alice):
            assert alice.ready
            media_id, id_ = await picture(pg, alice), alice.ready.user_id
            with bob.inbox() as inbox:
                await bob.call(Watch(subject_type="profile", subject_id=id_))
                asked = ChangeProfile(
                    op_id=uuid7(), full_name="Alice A.", bio="Tea.", picture_media_id=media_id
                )
                assert (await alice.call(asked)).changed
                assert (await alice.call(asked)).changed, "the same answer"
                again = asked.model_copy(update={"op_id": uuid7()})
                assert not (await alice.call(again)).changed
                async for news in inbox:
                    if isinstance(news, ProfileState) and news.picture_media_id == media_id:
                        assert (news.full_name, news.bio) == ("Alice A.", "Tea.")
                        break
            seen = (await bob.call(GetUser(user_id=id_))).profile
            assert (seen.full_name, seen.bio, seen.picture_media_id) == (
                "Alice A.", "Tea.", media_id,
            )  # fmt: skip
            used = "select count(*) from media_refs where subject_type = 'user'"
            assert await pg.fetchval(used) == 1
            await alice.call(ChangeProfile(op_id=uuid7(), full_name="", remove_picture=True))
            seen = (await bob.call(GetUser(user_id=id_))).profile
            assert (seen.full_name, seen.bio, seen.picture_media_id) == (None, "Tea.", None)
            assert await pg.fetchval(used) == 0
