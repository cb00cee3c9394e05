"""The home feed: by pages without doubles or holes, for whom it is, and what is new there."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.feed import FeedNew, FeedPage, HomeFeed
from lumina_protocol.fields import uuid7
from lumina_protocol.mutes import MuteUser
from lumina_protocol.watches import Unwatch, Watch

from lumina_rt.client import Client, Inbox
from tests.e2e.test_resume import cut
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, house

__all__ = ["house"]

POST = """
insert into posts (post_id, user_id, caption, post_type, visibility, audience_id)
values ($1, $2, 'hello', 'text', $3, $4)"""
COAUTHOR = "insert into post_coauthors (post_id, user_id, status) values ($1, $2, 'accepted')"


async def page(client: Client, **values: Any) -> FeedPage:
    return await client.call(HomeFeed.model_validate(values))


async def ids(client: Client, limit: int = 50, **values: Any) -> list[UUID]:
    """All of it, by pages."""
    way = "after" if "after" in values else "before"
    found: list[list[UUID]] = []
    while True:
        got = await page(client, limit=limit, **values)
        found.append([post.post_id for post in got.posts])
        assert found[-1] == sorted(found[-1], reverse=True)
        assert len(found[-1]) <= limit
        if not got.more:
            break
        assert got.next
        values[way] = got.next
    return [id_ for some in (found if way == "before" else found[::-1]) for id_ in some]


async def new(inbox: Inbox) -> FeedNew:
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, FeedNew) and news.posts:
                return news
    raise AssertionError("an inbox does not end")


async def hinted(inbox: Inbox, last: UUID) -> set[UUID]:
    """All that is named up to this one."""
    found: set[UUID] = set()
    while last not in found:
        found |= {post.post_id for post in (await new(inbox)).posts}
    return found


async def watch(client: Client) -> FeedNew | None:
    return (await client.watch("feed", id_of(client))).feed


async def test_whose_posts_are_there_and_whose_not(house: House) -> None:
    alice, bob, carol = house.alice, house.bob, house.carol
    await house.follow(alice, bob)
    own = await house.post(alice, visibility="private")
    shown = await house.post(bob)
    friends = await house.post(bob, visibility="friends")
    hidden = await house.post(bob, visibility="private")
    strange = await house.post(carol)
    together = await house.post(carol)
    await house.pg.execute(COAUTHOR, together, id_of(bob))
    assert await ids(alice) == [together, shown, own]
    assert await ids(bob) == [together, hidden, friends, shown]
    await house.follow(bob, alice)
    assert await ids(alice) == [together, friends, shown, own]
    await house.pg.execute("update posts set is_archived = true where post_id = $1", shown)
    assert await ids(alice) == [together, friends, own]
    await alice.call(MuteUser(user_id=id_of(carol), op_id=uuid7(), mute_scope="posts"))
    assert await ids(alice) == [friends, own]
    await alice.call(MuteUser(user_id=id_of(bob), op_id=uuid7(), mute_scope="stories"))
    assert await ids(alice) == [friends, own]
    await house.pg.execute("delete from mutes")
    await bob.call(BlockUser(user_id=id_of(alice), op_id=uuid7()))
    assert await ids(alice) == [own]
    await house.follow(alice, carol)
    assert await ids(alice) == [together, strange, own]


async def test_pages_have_no_doubles_and_no_holes_while_new_posts_arrive(house: House) -> None:
    """Of many, some of which are for few; one author has far more than the others."""
    chance = random.Random(7)
    made: list[UUID] = []
    await house.follow(house.alice, house.bob)
    await house.follow(house.alice, house.carol)

    async def publish() -> None:
        author = chance.choices([house.alice, house.bob, house.carol], [1, 8, 2])[0]
        shown = chance.choices(["public", "private"], [2, 3])[0]
        await house.pg.execute(POST, post_id := uuid7(), id_of(author), shown, None)
        if shown == "public" or author is house.alice:
            made.append(post_id)

    for _ in range(150):
        await publish()
    before = sorted(made, reverse=True)
    for limit in (1, 2, 4, 50):
        assert await ids(house.alice, limit) == sorted(made, reverse=True)
    seen: list[UUID] = []
    got = await page(house.alice, limit=5)
    while True:
        seen += [post.post_id for post in got.posts]
        if not got.more:
            break
        for _ in range(3):
            await publish()
        got = await page(house.alice, limit=5, before=got.next)
    assert seen == before
    assert await ids(house.alice, 4, after=before[0]) == sorted(made, reverse=True)[: -len(before)]
    assert await ids(house.alice, 3, after=max(made)) == []


async def test_posts_of_several_do_not_end_a_feed_early(house: House) -> None:
    """Where all have the same newest post, that is one and not several."""
    await house.follow(house.alice, house.bob)
    await house.follow(house.alice, house.carol)
    made = []
    for number in range(8):
        made.append(post_id := await house.post(house.bob if number % 2 else house.carol))
        if number % 4:
            other = house.carol if number % 2 else house.bob
            await house.pg.execute(COAUTHOR, post_id, id_of(other))
    for limit in (1, 2):
        assert await ids(house.alice, limit) == made[::-1]
        assert await ids(house.alice, limit, after=made[0]) == made[:0:-1]


async def test_whoever_watches_is_told_of_what_is_for_them_on_both_nodes(house: House) -> None:
    alice, bob, carol = house.alice_too, house.bob, house.carol
    await house.follow(alice, bob)
    await house.follow(carol, bob)
    with alice.inbox() as inbox, carol.inbox() as other:
        assert await watch(alice) == FeedNew(posts=[], limited=True)
        await watch(carol)
        known = await ids(alice)
        private = await house.post(bob, visibility="private")
        friends = await house.post(bob, visibility="friends")
        await house.post(house.alice)
        last = await house.post(bob)
        assert await hinted(other, last) == {last}, "and nothing of strangers"
        told = await hinted(inbox, last)
        assert {private, friends}.isdisjoint(told)
        assert set(await ids(alice)) - set(known) == told
        again = await house.post(bob)
        assert [post.author_id for post in (await new(inbox)).posts] == [id_of(bob)]
        assert await hinted(other, again) == {again}
        await bob.call(BlockUser(user_id=id_of(carol), op_id=uuid7()))
        await house.post(bob)
        own = await house.post(carol)
        assert await hinted(other, own) == {own}
        await carol.unwatch("feed", id_of(carol))
        assert house.nodes[0].services.feeds._readers == {}


async def test_only_ones_own_feed_is_watched_until_the_connection_ends(house: House) -> None:
    asked = Watch(subject_type="feed", subject_id=id_of(house.bob))
    assert await refused(house.carol, asked) == "not_found subject_id"
    no = Unwatch(subject_type="feed", subject_id=id_of(house.bob))
    assert not (await house.carol.call(no)).changed
    await house.bob.call(asked)
    assert not (await house.carol.call(no)).changed
    assert (await house.bob.call(no)).changed
    assert not (await house.bob.call(no)).changed
    with house.bob.inbox() as inbox:
        await watch(house.bob)
        readers = [node.services.feeds for node in house.nodes if node.services.feeds._readers]
        assert len(readers) == 1
        for node in house.nodes:
            cut(node)
        async with asyncio.timeout(10):
            async for news in inbox:
                if isinstance(news, FeedNew):
                    break
        assert news == FeedNew(posts=[], limited=True), "look again, after each reconnect"
        await house.post(house.bob)
        assert len((await new(inbox)).posts) == 1
    await house.bob.close()
    async with asyncio.timeout(5):
        while any(node.services.feeds._lines for node in house.nodes):
            await asyncio.sleep(0.01)


async def test_a_mark_that_is_lost_is_made_good(house: House) -> None:
    await house.follow(house.carol, house.bob)
    with house.carol.inbox() as inbox:
        await watch(house.carol)
        await house.pg.execute(POST, post_id := uuid7(), id_of(house.bob), "public", None)
        for node in house.nodes:
            node.services.feeds.missed()
        assert await hinted(inbox, post_id) == {post_id}


async def test_a_feed_is_paged_one_way(house: House) -> None:
    with pytest.raises(ValueError, match="not together"):
        HomeFeed(before=uuid7(), after=uuid7())
