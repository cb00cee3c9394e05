"""Co-authors, shares, views, and posts around a place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.post_changes import DeletePost
from lumina_protocol.post_people import AnswerCoauthor, ListNearby, SharePost, View, ViewPosts
from lumina_protocol.posts import GetPost, ListPosts

from lumina_rt.client import Client
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, get, house
from tests.oracle import oracle

__all__ = ["house"]


def answer(post_id: UUID, *, accept: bool) -> AnswerCoauthor:
    return AnswerCoauthor(post_id=post_id, op_id=uuid7(), accept=accept)


async def named(client: Client, post_id: UUID) -> list[str]:
    return [one.username for one in (await get(client, post_id)).coauthors or ()]


async def listed(client: Client, of: Client) -> list[UUID]:
    page = await client.call(ListPosts(user_id=id_of(of)))
    return [post.post_id for post in page.posts]


async def test_a_coauthor_accepts_and_leaves(house: House) -> None:
    invited = [id_of(house.bob), id_of(house.carol)]
    post_id = await house.post(post_type="collaborative", coauthors=invited, visibility="private")
    assert (await get(house.bob, post_id)).own_part == "invited"
    assert await named(house.alice, post_id) == []
    async with oracle(house.alice, house.alice_too, house.bob):
        yes = answer(post_id, accept=True)
        first = await house.bob.call(yes)
        assert (first.own_part, first.changed) == ("accepted", True)
        assert await house.bob.call(yes) == first, "a retry"
        assert not (await house.bob.call(answer(post_id, accept=True))).changed
        await house.carol.call(answer(post_id, accept=False))
    assert await named(house.alice, post_id) == await named(house.bob, post_id) == ["bob"]
    assert await refused(house.carol, GetPost(post_id=post_id)) == "not_found post_id"
    assert await refused(house.carol, answer(post_id, accept=True)) == "forbidden accept"
    assert await listed(house.alice, house.bob) == [post_id]
    assert await listed(house.carol, house.bob) == []
    async with oracle(house.alice, house.alice_too):
        assert (await house.bob.call(answer(post_id, accept=False))).changed
    assert await named(house.alice, post_id) == []
    assert await refused(house.bob, GetPost(post_id=post_id)) == "not_found post_id"


async def test_who_is_not_asked_cannot_answer(house: House) -> None:
    ours = await house.post(post_type="collaborative", coauthors=[id_of(house.bob)])
    assert await refused(house.carol, answer(ours, accept=True)) == "not_found post_id"
    assert await refused(house.bob, answer(uuid7(), accept=True)) == "not_found post_id"
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await refused(house.bob, answer(ours, accept=True)) == "not_found post_id"
    await house.alice.call(DeletePost(post_id=ours, op_id=uuid7()))
    assert await refused(house.bob, answer(ours, accept=False)) == "not_found post_id"


async def test_shares_and_quotes_are_counted(house: House) -> None:
    post_id = await house.post()
    hidden = await house.post(visibility="private")
    asked = SharePost(share_id=uuid7(), post_id=post_id, via="repost")
    assert await house.bob.call(asked) == await house.bob.call(asked), "a retry"
    taken = asked.model_copy(update={"via": "link"})
    assert await refused(house.carol, taken) == "conflict share_id"
    await house.carol.call(taken.model_copy(update={"share_id": uuid7()}))
    await house.post(house.bob, quoted_post_id=post_id)
    assert (await get(house.alice, post_id)).share_count == 3
    unseen = SharePost(share_id=uuid7(), post_id=hidden, via="link")
    assert await refused(house.bob, unseen) == "not_found post_id"


async def test_a_view_counts_once_for_a_viewer_and_day(house: House) -> None:
    post_id, hidden = await house.post(), await house.post(visibility="private")
    views = [View(post_id=one, watch_s=7) for one in (post_id, hidden, uuid7())]
    for client in (house.bob, house.bob, house.carol, house.alice):
        await client.call(ViewPosts(views=views))
    assert (await get(house.alice, post_id)).view_count == 2
    assert (await get(house.alice, hidden)).view_count == 0
    kept = "select times, watch_seconds from post_views where user_id = $1"
    assert tuple(*await house.pg.fetch(kept, id_of(house.bob))) == (2, 14)


@pytest.mark.parametrize(
    ("place", "shift"),
    [((59.9, 10.7), (0.01, 0.0)), ((10.0, 179.999), (0.0, -359.99)), ((89.99, 0.0), (0.0, 179.0))],
)
async def test_posts_around_a_place(
    house: House, place: tuple[float, float], shift: tuple[float, float]
) -> None:
    def at(latitude: float, longitude: float) -> dict[str, Any]:
        return {"location": {"latitude": latitude, "longitude": longitude}}

    here = await house.post(**at(*place))
    near = await house.post(**at(place[0] + shift[0], place[1] + shift[1]))
    await house.post(**at(place[0] - 1, place[1]))
    await house.post(**at(*place), visibility="private")
    await house.post(location={"name": "somewhere"})
    asked = ListNearby(latitude=place[0], longitude=place[1])
    page = await house.bob.call(asked)
    assert ([post.post_id for post in page.posts], page.more) == ([here, near], False)
    newest = await house.bob.call(asked.model_copy(update={"newest": True, "limit": 1}))
    assert ([post.post_id for post in newest.posts], newest.more) == ([near], True)
    for way in ({"newest": False}, {"newest": True}):
        whole = [
            post.post_id for post in (await house.bob.call(asked.model_copy(update=way))).posts
        ]
        first = {"limit": 1, **way}
        for before, after in zip(whole, [*whole[1:], None], strict=True):
            next_page = asked.model_copy(update={**first, "after": before})
            found = await house.bob.call(next_page)
            assert [post.post_id for post in found.posts] == ([after] if after else [])
    await house.alice.call(DeletePost(post_id=here, op_id=uuid7()))
    behind = await house.bob.call(asked.model_copy(update={"after": here}))
    assert [post.post_id for post in behind.posts] == [near], "also behind one that is gone"
    unknown = asked.model_copy(update={"after": uuid7()})
    assert await refused(house.bob, unknown) == "not_found after"
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert (await house.bob.call(asked)).posts == []
