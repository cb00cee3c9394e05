"""Topics: there for whom a post in them is, found as one types, followed on all devices."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.mutes import MuteUser
from lumina_protocol.post_changes import ArchivePost, EditPost
from lumina_protocol.settings import ChangeSettings
from lumina_protocol.topics import (
    MAX_FOLLOWED,
    ChangeTopic,
    CompleteTopic,
    FollowTopic,
    GetTopic,
    ListFollowedTopics,
    ListTopics,
    PageTopicPosts,
    Topic,
    UnfollowTopic,
)

from lumina_rt.client import Client
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, house
from tests.moderation import appoint
from tests.oracle import oracle

__all__ = ["house"]
TOPICS = """
insert into topics (topic_id, topic_name, display_name)
select ('019bc119-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'many' || n, 'Many' || n
from generate_series(1, $1) n"""
FOLLOWS = """
insert into topic_follows (user_id, topic_id)
select $1, topic_id from topics where topic_name like 'many%'"""
MADE = "select topic_id from topics where topic_name = $1"
CHANGED = """
select actor_id from audit_log
where table_name = 'topics' and op = 'update' order by at, audit_id"""


async def topic(client: Client, name: str) -> Topic:
    return (await client.call(GetTopic(topic_name=name))).topic


async def found(client: Client, prefix: str, limit: int = 10) -> list[str]:
    asked = CompleteTopic(prefix=prefix, limit=limit)
    return [one.topic_name for one in (await client.call(asked)).topics]


def follow(topic_id: UUID) -> FollowTopic:
    return FollowTopic(topic_id=topic_id, op_id=uuid7())


def unfollow(topic_id: UUID) -> UnfollowTopic:
    return UnfollowTopic(topic_id=topic_id, op_id=uuid7())


async def followed(client: Client, limit: int = 100) -> list[UUID]:
    """Over all pages."""
    ids: list[UUID] = []
    asked = ListFollowedTopics(limit=limit)
    while True:
        page = await client.call(asked)
        assert all(one.followed_at for one in page.topics)
        ids += [one.topic_id for one in page.topics]
        if not page.more:
            return ids
        asked = asked.model_copy(update={"after": ids[-1]})


async def posts(client: Client, topic_id: UUID, limit: int = 50) -> list[UUID]:
    """Over all pages."""
    ids: list[UUID] = []
    asked = PageTopicPosts(topic_id=topic_id, limit=limit)
    while True:
        page = await client.call(asked)
        assert len(page.posts) <= limit
        ids += [post.post_id for post in page.posts]
        if not page.more:
            assert page.next is None
            return ids
        asked = asked.model_copy(update={"before": page.next})


async def test_a_topic_is_there_for_whom_a_post_in_it_is(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    secret = await house.post(caption="for me: #Plans", visibility="private")
    friends = await house.post(caption="#plans and #Oslo!", visibility="friends")
    for client in (bob, carol):
        assert await refused(client, GetTopic(topic_name="plans")) == "not_found topic_name"
        assert await found(client, "pl") == []
    plans = await topic(alice, "#PLANS")
    assert (plans.topic_name, plans.display_name, plans.post_count) == ("plans", "Plans", 2)
    assert plans.followed_at is None
    for asked in (follow(plans.topic_id), PageTopicPosts(topic_id=plans.topic_id)):
        assert await refused(bob, asked) == "not_found topic_id", "as if there were none"
    nothing = uuid7()
    for missing in (GetTopic(topic_id=nothing), follow(nothing)):
        assert await refused(alice, missing) == "not_found topic_id"
    await house.follow(alice, bob)
    await house.follow(bob, alice)
    assert (await topic(bob, "plans")) == plans
    assert await found(bob, "＃PL") == ["plans"]
    assert await posts(bob, plans.topic_id) == [friends]
    assert await posts(alice, plans.topic_id) == [friends, secret]
    assert (await bob.call(follow(plans.topic_id))).changed
    await bob.call(BlockUser(user_id=id_of(alice), op_id=uuid7()))
    assert (await topic(bob, "plans")).followed_at, "who follows it keeps it"
    assert await refused(bob, GetTopic(topic_name="oslo")) == "not_found topic_name"
    assert await posts(bob, plans.topic_id) == []
    assert (await bob.call(unfollow(plans.topic_id))).changed
    assert await refused(bob, GetTopic(topic_name="plans")) == "not_found topic_name"
    await alice.call(ChangeSettings(hide_metrics=True, op_id=uuid7()))
    quiet = await topic(alice, "plans")
    assert (quiet.post_count, quiet.follower_count) == (None, None)


async def test_hashtags_are_completed(house: House) -> None:
    alice, bob = house.alice, house.bob
    for caption in ("#tea", "#teapots", "#teapots too", "#Teaching", "#te", "#té", "#coffee"):
        await house.post(caption=caption)
    hidden = await house.post(caption="#teacosies #tea")
    those = await found(bob, "te")
    assert (those[0], set(those)) == ("te", {"te", "tea", "teapots", "teacosies", "teaching"})
    await alice.call(ArchivePost(post_id=hidden, op_id=uuid7()))
    assert set(await found(bob, "te")) == {"te", "tea", "teapots", "teaching"}
    assert (await found(bob, "TÉ"), await found(bob, "tex"), await found(bob, "#")) == (
        ["té"], [], [],
    )  # fmt: skip
    await bob.call(follow((await topic(bob, "teaching")).topic_id))
    await house.pg.execute("update topics set post_count = 9 where topic_name = 'teapots'")
    assert (await found(bob, "tea"))[:3] == ["tea", "teaching", "teapots"]
    assert await found(bob, "te", limit=1) == ["te"]
    await house.pg.execute(TOPICS, 1200)
    await house.pg.execute("update topics set is_featured = true where topic_name = 'many999'")
    assert await found(bob, "many") == ["many999"], "past the first thousand, and featured"


async def test_posts_come_by_pages_without_doubles_and_holes(house: House) -> None:
    chance = random.Random(5)
    alice, bob, carol = house.alice, house.bob, house.carol
    for_bob: list[UUID] = []

    async def publish() -> None:
        author = chance.choice([alice, bob, carol])
        shown = chance.choices(["public", "private"], [2, 3])[0]
        post_id = await house.post(author, caption="#walks", visibility=shown)
        if shown == "public" or author is bob:
            for_bob.append(post_id)

    for _ in range(30):
        await publish()
    name = (await topic(bob, "walks")).topic_id
    before = sorted(for_bob, reverse=True)
    for limit in (1, 4, 50):
        assert await posts(bob, name, limit) == before
    seen: list[UUID] = []
    page = await bob.call(PageTopicPosts(topic_id=name, limit=3))
    while True:
        seen += [post.post_id for post in page.posts]
        if not page.more:
            break
        await publish()
        page = await bob.call(PageTopicPosts(topic_id=name, limit=3, before=page.next))
    assert seen == before
    first = (await bob.call(PageTopicPosts(topic_id=name, limit=50))).posts
    author = {post.post_id: post.author.user_id for post in first}
    await bob.call(MuteUser(user_id=id_of(carol), op_id=uuid7(), mute_scope="posts"))
    assert await posts(bob, name) == [i for i in author if author[i] != id_of(carol)]
    await alice.call(BlockUser(user_id=id_of(bob), op_id=uuid7()))
    assert await posts(bob, name) == [i for i in author if author[i] == id_of(bob)]
    await alice.call(UnblockUser(user_id=id_of(bob), op_id=uuid7()))
    assert id_of(alice) in [author[i] for i in await posts(bob, name)]


async def test_an_edit_moves_a_post_between_topics(house: House) -> None:
    post_id = await house.post(caption="#rain")
    rain = (await topic(house.bob, "rain")).topic_id
    edit = EditPost(post_id=post_id, base_version=1, caption="#sun", op_id=uuid7())
    await house.alice.call(edit)
    assert await refused(house.bob, GetTopic(topic_id=rain)) == "not_found topic_id"
    assert await posts(house.bob, (await topic(house.bob, "sun")).topic_id) == [post_id]


async def test_who_follows_is_told_on_all_devices_and_once(house: House) -> None:
    await house.post(house.bob, caption="#tea #walks #rain")
    ids = [(await topic(house.alice, name)).topic_id for name in ("tea", "walks", "rain")]
    async with oracle(house.alice, house.alice_too, house.bob):
        asked = follow(ids[0])
        kept = await house.alice.call(asked)
        assert (kept.changed, await house.alice_too.call(asked)) == (True, kept), "a retry"
        both = [(house.alice, follow(ids[1])), (house.alice_too, follow(ids[1]))]
        told = await asyncio.gather(*(client.call(one) for client, one in both))
        assert sorted(one.changed for one in told) == [False, True], "two devices at once"
        await house.alice.call(follow(ids[2]))
        await house.alice_too.call(unfollow(ids[0]))
        assert not (await house.alice.call(unfollow(ids[0]))).changed
    for limit in (1, 100):
        assert await followed(house.alice, limit) == sorted(ids[1:])
    walks = await topic(house.alice, "walks")
    assert (walks.follower_count, walks.followed_at is not None) == (1, True)
    assert await followed(house.bob) == []


async def test_devices_that_follow_and_unfollow_at_once_end_with_the_same(house: House) -> None:
    await house.post(house.bob, caption="#tea")
    tea = (await topic(house.alice, "tea")).topic_id
    async with oracle(house.alice, house.alice_too):
        await asyncio.gather(
            *(
                client.call(made(tea))
                for made in (follow, unfollow) * 5
                for client in (house.alice, house.alice_too)
            )
        )
    count = "select count(*) from topic_follows"
    assert (await topic(house.bob, "tea")).follower_count == await house.pg.fetchval(count)


async def test_nobody_follows_more_than_a_thousand(house: House) -> None:
    await house.post(house.bob, caption="#tea #walks")
    ids = [(await topic(house.alice, name)).topic_id for name in ("tea", "walks")]
    await house.pg.execute(TOPICS, MAX_FOLLOWED - 1)
    await house.pg.execute(FOLLOWS, id_of(house.alice))
    pairs = zip((house.alice, house.alice_too), ids, strict=True)
    told = await asyncio.gather(
        *(client.call(follow(one)) for client, one in pairs), return_exceptions=True
    )
    (error,) = [one for one in told if isinstance(one, LuminaError)]
    assert (error.body.code, error.body.field) == ("invalid", "topic_id")
    first = UUID("019bc119-0000-7000-8000-000000000001")
    assert not (await house.alice.call(follow(first))).changed, "one that is followed already"
    page = await house.alice.call(ListFollowedTopics())
    assert (len(page.topics), page.more) == (50, True)


async def test_staff_say_how_topics_are_shown(house: House) -> None:
    alice, bob = house.alice, house.bob
    await house.post(bob, caption="for me: #tea", visibility="private")
    tea: UUID = await house.pg.fetchval(MADE, "tea")

    def change(**values: Any) -> ChangeTopic:
        return ChangeTopic.model_validate({"topic_id": tea, "op_id": uuid7(), **values})

    shown = {"color_hex": "#2f6F8f", "is_featured": True, "description": "All of it."}
    assert await refused(alice, change(**shown)) == "forbidden"
    await appoint(house.pg, "alice", "moderator")
    assert await refused(alice, change(topic_id=uuid7())) == "not_found topic_id"
    kept = await alice.call(asked := change(**shown))
    assert (kept.changed, await alice.call(asked)) == (True, kept)
    assert not (await alice.call(change(**shown))).changed
    assert not (await alice.call(change())).changed
    (listed,) = (await bob.call(ListTopics())).topics
    assert listed.model_dump(include=set(shown)) == shown
    assert await topic(house.carol, "tea") == listed, "what is featured is there for all"
    await house.post(bob, caption="#milk")
    milk: UUID = await house.pg.fetchval(MADE, "milk")
    await alice.call(change(topic_id=milk, is_featured=True))
    first = await bob.call(ListTopics(limit=1))
    rest = await bob.call(ListTopics(limit=1, after=tea))
    told = [(one.topics[0].topic_id, one.more) for one in (first, rest)]
    assert told == [(tea, True), (milk, False)]
    await alice.call(change(color_hex="", description="", is_featured=False))
    assert [one.topic_id for one in (await bob.call(ListTopics())).topics] == [milk]
    bare = await topic(bob, "tea")
    assert (bare.color_hex, bare.description, bare.is_featured) == (None, None, False)
    changes = await house.pg.fetch(CHANGED)
    assert [row["actor_id"] for row in changes] == [id_of(alice)] * 3


async def test_staff_give_a_topic_another_name_and_an_icon(house: House) -> None:
    alice, bob = house.alice, house.bob
    await house.post(bob, caption="#tea")
    tea: UUID = await house.pg.fetchval(MADE, "tea")
    own, others, unfinished = uuid7(), uuid7(), uuid7()
    await house.pg.execute(MEDIA, own, "alice", "image", "ready")
    await house.pg.execute(MEDIA, others, "bob", "image", "ready")
    await house.pg.execute(MEDIA, unfinished, "alice", "image", "processing")

    def change(**values: Any) -> ChangeTopic:
        return ChangeTopic.model_validate({"topic_id": tea, "op_id": uuid7(), **values})

    assert await refused(bob, change(display_name="Coffee")) == "forbidden"
    await appoint(house.pg, "alice", "moderator")
    for media_id in (others, unfinished, uuid7()):
        asked = change(icon_media_id=media_id, display_name="no")
        assert await refused(alice, asked) == "not_found icon_media_id"
    assert (await topic(bob, "tea")).display_name == "tea", "what is refused has changed nothing"
    shown = {"display_name": "Tea & more", "icon_media_id": own}
    assert (await alice.call(change(**shown))).changed
    assert not (await alice.call(change(**shown))).changed
    for told in (await topic(bob, "TEA"), (await bob.call(GetTopic(topic_id=tea))).topic):
        assert told.model_dump(include=set(shown)) == shown
        assert told.topic_name == "tea"
    refs = "select media_id from media_refs where subject_type = 'topic' and subject_id = $1"
    assert await house.pg.fetchval(refs, tea) == own
    await alice.call(change(color_hex="#00ff00"))
    assert (await topic(bob, "tea")).icon_media_id == own, "what is left out stays"
    await alice.call(change(remove_icon=True))
    bare = await topic(bob, "tea")
    assert (bare.icon_media_id, bare.display_name) == (None, "Tea & more")
    assert await house.pg.fetchval(refs, tea) is None
    await alice.call(change(icon_media_id=own))
    await house.pg.execute("delete from media_objects where media_id = $1", own)
    assert (await topic(bob, "tea")).icon_media_id is None, "it goes with whose it is"


@pytest.mark.parametrize("given", [{}, {"topic_id": uuid7(), "topic_name": "tea"}])
def test_a_topic_is_named_in_one_way(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="topic_id or topic_name"):
        GetTopic.model_validate(given)
