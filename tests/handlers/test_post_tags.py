"""Hashtags and mentions of posts: rows that follow the caption."""

from __future__ import annotations

import asyncio

from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7

from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_post_changes import edit
from tests.handlers.test_posts import House, get, house, new_post
from tests.oracle import oracle

__all__ = ["house"]
COUNTS = """
select t.topic_name, t.display_name, t.post_count + (
    select coalesce(sum(d.delta), 0) from counter_deltas d
    where d.subject_id = t.topic_id and d.counter = 'topics.post_count')::int as posts
from topics t order by 1"""


async def named(house: House, post_id: object) -> list[str]:
    rows = "select username from post_mentions join users using (user_id) where post_id = $1"
    return sorted(row[0] for row in await house.pg.fetch(rows, post_id))


async def topics(house: House) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in await house.pg.fetch(COUNTS)]


async def test_tags_and_mentions_follow_the_caption(house: House) -> None:
    async with oracle(house.alice, house.alice_too):
        caption = "#Oslo with @Bob, @nobody and @carol #\u6771\u4eac"
        post_id = await house.post(caption=caption)
    post = await get(house.bob, post_id)
    assert post.hashtags == ["oslo", "\u6771\u4eac"]
    assert [one.username for one in post.mentions or ()] == ["bob", "carol"]
    assert await topics(house) == [("oslo", "Oslo", 1), ("\u6771\u4eac", "\u6771\u4eac", 1)]
    async with oracle(house.alice, house.alice_too):
        await house.alice.call(edit(post_id, 1, caption="#OSLO #tea with @carol"))
    post = await get(house.bob, post_id)
    assert post.hashtags == ["oslo", "tea"]
    assert await named(house, post_id) == ["carol"]
    counted = [("oslo", "Oslo", 1), ("tea", "tea", 1), ("\u6771\u4eac", "\u6771\u4eac", 0)]
    assert await topics(house) == counted
    await house.alice.call(edit(post_id, 2, caption="nothing"))
    post = await get(house.bob, post_id)
    assert (post.hashtags, post.mentions) == (None, None)


async def test_who_has_blocked_is_not_named(house: House) -> None:
    await house.bob.call(BlockUser(user_id=id_of(house.alice), op_id=uuid7()))
    post_id = await house.post(caption="@bob @carol")
    assert await named(house, post_id) == ["carol"]
    await house.carol.call(BlockUser(user_id=id_of(house.alice), op_id=uuid7()))
    assert (await get(house.alice, post_id)).mentions is None, "a block of later hides it"
    await house.alice.call(edit(post_id, 1, caption="@bob and @carol"))
    assert await named(house, post_id) == []


async def test_many_posts_make_the_same_topics_at_once(house: House) -> None:
    words = ["tea", "Milk", "sugar", "cup"]
    asked = [
        new_post(caption=" ".join(f"#{word}" for word in (words[n % 4 :] + words[: n % 4])))
        for n in range(12)
    ]
    await asyncio.gather(
        *(house.alice.call(one) for one in asked[:6]), *(house.bob.call(one) for one in asked[6:])
    )
    assert [(name, posts) for name, _, posts in await topics(house)] == [
        ("cup", 12), ("milk", 12), ("sugar", 12), ("tea", 12),
    ]  # fmt: skip
