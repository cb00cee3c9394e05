"""Drafts of posts: on all devices of their author, and published at their time, once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.post_drafts import (
    ListPostDrafts,
    PostDraft,
    PostDraftChanged,
    RemovePostDraft,
    SetPostDraft,
)
from lumina_protocol.posts import ListPosts, Post

from lumina_rt.client import Client, Inbox
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, house
from tests.oracle import oracle

__all__ = ["house"]
LATER = "update post_drafts set publish_at = now() where publish_at is not null and error is null"
HOUR_MS = 3_600_000


def draft(draft_id: UUID | None = None, publish_at: int | None = None, **post: Any) -> SetPostDraft:
    known = {"draft_id": draft_id or uuid7(), "op_id": uuid7(), "publish_at": publish_at}
    return SetPostDraft.model_validate(known | {"post": post})


async def drafts(client: Client) -> list[PostDraft]:
    return (await client.call(ListPostDrafts())).drafts


async def posts(house: House) -> list[Post]:
    return (await house.bob.call(ListPosts(user_id=id_of(house.alice)))).posts


async def soon(house: House) -> int:
    return int(await house.pg.fetchval("select to_ms(now())")) + HOUR_MS


async def ended(inbox: Inbox) -> PostDraftChanged:
    """What became of a draft that was due."""
    async with asyncio.timeout(5):
        async for news in inbox:
            if not isinstance(news, PostDraftChanged):
                continue
            if news.post_id or (news.draft and news.draft.error):
                return news
    raise AssertionError("an inbox does not end")


async def test_a_draft_is_on_all_devices_of_its_author(house: House) -> None:
    asked = draft(caption="so")
    async with oracle(house.alice, house.alice_too, house.bob):
        assert (await house.alice.call(asked)).changed
        more = draft(asked.draft_id, caption="so far", post_type="text")
        assert (await house.alice_too.call(more)).changed
        assert not (await house.alice.call(more.model_copy(update={"op_id": uuid7()}))).changed
        assert (await house.alice.call(asked)).changed, "the answer to the first try"
    (found,) = await drafts(house.alice)
    assert (found.post.caption, found.publish_at, found.error) == ("so far", None, None)
    assert await drafts(house.bob) == []
    assert await refused(house.bob, draft(asked.draft_id, caption="x")) == "conflict draft_id"
    gone = RemovePostDraft(draft_id=asked.draft_id, op_id=uuid7())
    assert not (await house.bob.call(gone)).changed
    async with oracle(house.alice, house.alice_too):
        assert (await house.alice_too.call(gone)).changed
    assert await drafts(house.alice) == []
    assert await posts(house) == []


async def test_what_cannot_be_published_later(house: House) -> None:
    later, alice = await soon(house), house.alice
    for asked, error in (
        (draft(publish_at=1, post_type="text", caption="x"), "invalid publish_at"),
        (draft(publish_at=later + 366 * 24 * HOUR_MS, post_type="text", caption="x"),
         "invalid publish_at"),
        (draft(publish_at=later, caption="x"), "invalid post"),
        (draft(publish_at=later, post_type="photo"), "invalid post"),
        (draft(publish_at=later, post_type="photo", media_ids=[uuid7()]), "not_found media_ids"),
        (draft(publish_at=later, post_type="poll",
               poll={"question": "?", "options": ["a", "b"], "closes_at": later - 60_000}),
         "invalid post"),
    ):  # fmt: skip
        assert await refused(alice, asked) == error
    await house.pg.execute(
        """insert into post_drafts (draft_id, user_id, body)
           select gen_random_uuid(), $1, '{}' from generate_series(1, 100)""",
        id_of(alice),
    )
    assert await refused(alice, draft(caption="x")) == "invalid draft_id"


async def test_a_draft_is_published_once_at_its_time(house: House) -> None:
    later = await soon(house)
    asked = draft(publish_at=later, post_type="text", caption="#tea now")
    others = [draft(publish_at=later, post_type="text", caption=f"{n}") for n in range(5)]
    async with oracle(house.alice, house.alice_too, house.bob):
        for one in (asked, *others):
            await house.alice.call(one)
        with house.alice_too.inbox() as inbox:
            await house.pg.execute(LATER)
            told = [await ended(inbox) for _ in range(6)]
        assert {one.draft_id for one in told} == {one.draft_id for one in (asked, *others)}
    made = await posts(house)
    assert sorted(post.caption or "" for post in made) == ["#tea now", *map(str, range(5))]
    assert {post.post_id for post in made} == {one.post_id for one in told}
    assert await drafts(house.alice) == []
    assert await refused(house.alice, draft(asked.draft_id, caption="x")) == "gone draft_id"
    gone = RemovePostDraft(draft_id=asked.draft_id, op_id=uuid7())
    assert not (await house.alice.call(gone)).changed


async def test_what_is_refused_at_its_time_waits_with_its_error(house: House) -> None:
    image = await house.media("image")
    later = await soon(house)
    asked = draft(publish_at=later, post_type="photo", media_ids=[image])
    together = draft(
        publish_at=later, post_type="collaborative", caption="x", coauthors=[id_of(house.bob)]
    )
    await house.alice.call(asked)
    await house.alice.call(together)
    await house.pg.execute("update media_objects set is_deleted = true, deleted_at = now()")
    await house.bob.call(BlockUser(user_id=id_of(house.alice), op_id=uuid7()))
    async with oracle(house.alice, house.alice_too):
        with house.alice_too.inbox() as inbox:
            await house.pg.execute(LATER)
            told = [await ended(inbox) for _ in range(2)]
        assert {one.draft.error_field for one in told if one.draft} == {"media_ids", "coauthors"}
    assert {one.error for one in await drafts(house.alice)} == {"not_found"}
    assert await house.pg.fetchval("select count(*) from posts") == 0
    again = draft(asked.draft_id, publish_at=later, post_type="text", caption="instead")
    async with oracle(house.alice, house.alice_too):
        with house.alice.inbox() as inbox:
            await house.alice.call(again)
            await house.pg.execute(LATER)
            assert (await ended(inbox)).post_id
    (post,) = (await house.carol.call(ListPosts(user_id=id_of(house.alice)))).posts
    assert post.caption == "instead"


async def test_nobody_publishes_while_they_are_suspended(house: House) -> None:
    asked = draft(publish_at=await soon(house), post_type="text", caption="x")
    await house.alice.call(asked)
    await house.pg.execute(
        """update users set suspended_at = now(), suspended_reason = 'spam',
                  suspended_until = now() + interval '1 day' where username = 'alice'"""
    )
    with house.alice.inbox() as inbox:
        await house.pg.execute(LATER)
        told = await ended(inbox)
    assert told.draft
    assert told.draft.error == "suspended"
    assert await posts(house) == []
