"""Bookmarks and collections: on all devices of their user, of what they may see now."""

from __future__ import annotations

import asyncio
from uuid import UUID

from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.bookmarks import (
    MAX_COLLECTIONS,
    ChangeCollection,
    CreateCollection,
    ListCollections,
    PageBookmarks,
    RemoveBookmark,
    RemoveCollection,
    SetBookmark,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.post_changes import ArchivePost, UnarchivePost

from lumina_rt.client import Client
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, get, house
from tests.oracle import oracle

__all__ = ["house"]
FILL = """insert into bookmark_collections (collection_id, user_id, name)
          select gen_random_uuid(), $1, 'c' || n from generate_series(1, $2) n"""


def keep(post_id: UUID, collection_id: UUID | None = None) -> SetBookmark:
    return SetBookmark(post_id=post_id, collection_id=collection_id, op_id=uuid7())


def drop(post_id: UUID) -> RemoveBookmark:
    return RemoveBookmark(post_id=post_id, op_id=uuid7())


async def collection(client: Client, name: str) -> UUID:
    asked = CreateCollection(collection_id=uuid7(), name=name)
    first = await client.call(asked)
    assert await client.call(asked) == first, "a retry"
    return asked.collection_id


async def kept(client: Client, collection_id: UUID | None = None) -> list[UUID]:
    """Over all pages."""
    found: list[UUID] = []
    asked = PageBookmarks(collection_id=collection_id, limit=1)
    while True:
        page = await client.call(asked)
        assert all(one.post.bookmarked for one in page.kept)
        found += [one.post.post_id for one in page.kept]
        if not page.more:
            return found
        last = page.kept[-1].bookmark
        asked = asked.model_copy(update={"before": (last.bookmarked_at, last.post_id)})


async def test_a_post_is_kept_moved_and_dropped(house: House) -> None:
    post_id, own = await house.post(house.bob), await house.post()
    async with oracle(house.alice, house.alice_too):
        for_later = await collection(house.alice, "for later")
        asked = keep(post_id)
        first = await house.alice.call(asked)
        assert first.changed
        assert await house.alice.call(asked) == first, "a retry"
        assert not (await house.alice_too.call(keep(post_id))).changed
        moved = await house.alice_too.call(keep(post_id, for_later))
        assert moved.bookmark
        assert first.bookmark
        assert moved.bookmark.bookmarked_at == first.bookmark.bookmarked_at
        await house.alice.call(keep(own))
    assert await kept(house.alice) == [own, post_id]
    assert await kept(house.alice, for_later) == [post_id]
    assert not (await get(house.bob, post_id)).bookmarked
    async with oracle(house.alice, house.alice_too):
        await house.alice.call(RemoveCollection(collection_id=for_later, op_id=uuid7()))
        assert (await house.alice.call(drop(own))).changed
        assert not (await house.alice.call(drop(own))).changed
    assert await kept(house.alice) == [post_id]
    assert await refused(house.alice, PageBookmarks(collection_id=for_later)) == (
        "not_found collection_id"
    )


async def test_what_may_not_be_seen_is_left_out_and_comes_back(house: House) -> None:
    hidden = await house.post(visibility="private")
    ours = [await house.post() for _ in range(3)]
    for post_id in ours:
        await house.bob.call(keep(post_id))
    for post_id in (hidden, uuid7()):
        assert await refused(house.bob, keep(post_id)) == "not_found post_id"
    await house.alice.call(ArchivePost(post_id=ours[1], op_id=uuid7()))
    assert await kept(house.bob) == [ours[2], ours[0]]
    await house.alice.call(UnarchivePost(post_id=ours[1], op_id=uuid7()))
    assert await kept(house.bob) == ours[::-1]
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await kept(house.bob) == []
    assert (await house.bob.call(drop(ours[0]))).changed, "it is theirs"
    await house.alice.call(UnblockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await kept(house.bob) == [ours[2], ours[1]]


async def test_collections_are_ones_own_and_named_once(house: House) -> None:
    post_id = await house.post()
    async with oracle(house.alice, house.alice_too):
        tea = await collection(house.alice, " tea ")
        walks = await collection(house.alice_too, "walks")
        renamed = ChangeCollection(collection_id=walks, name="hikes", op_id=uuid7())
        assert (await house.alice.call(renamed)).changed
        again = renamed.model_copy(update={"op_id": uuid7()})
        assert not (await house.alice.call(again)).changed
    names = [one.name for one in (await house.alice.call(ListCollections())).collections]
    assert names == ["hikes", "tea"]
    same = CreateCollection(collection_id=uuid7(), name="tea")
    assert await refused(house.alice, same) == "conflict name"
    taken = CreateCollection(collection_id=tea, name="more tea")
    assert await refused(house.bob, taken) == "conflict collection_id"
    to_tea = ChangeCollection(collection_id=walks, name="tea", op_id=uuid7())
    assert await refused(house.alice, to_tea) == "conflict name"
    assert await refused(house.bob, to_tea) == "not_found collection_id"
    assert await refused(house.bob, keep(post_id, tea)) == "not_found collection_id"
    gone = RemoveCollection(collection_id=tea, op_id=uuid7())
    assert not (await house.bob.call(gone)).changed
    await house.pg.execute(FILL, id_of(house.bob), MAX_COLLECTIONS)
    full = CreateCollection(collection_id=uuid7(), name="one more")
    assert await refused(house.bob, full) == "invalid collection_id"


async def test_a_collection_goes_while_something_is_put_into_it(house: House) -> None:
    post_id = await house.post()
    async with oracle(house.alice, house.alice_too):
        for number in range(5):
            tea = await collection(house.alice, f"tea {number}")
            await asyncio.gather(
                refused_or_done(house.alice, keep(post_id, tea)),
                house.alice_too.call(RemoveCollection(collection_id=tea, op_id=uuid7())),
            )
    page = await house.alice.call(PageBookmarks())
    assert all(one.bookmark.collection_id is None for one in page.kept)


async def refused_or_done(client: Client, asked: SetBookmark) -> None:
    done = await asyncio.gather(client.call(asked), return_exceptions=True)
    assert "not_found" in str(done[0]) or not isinstance(done[0], BaseException)
