"""Moods for posts: one for a user, counted live, told to their devices and to the author."""

from __future__ import annotations

import asyncio
from uuid import UUID

from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.notifications import ListNotifications
from lumina_protocol.post_changes import DeletePost
from lumina_protocol.reactions import (
    ListReactions,
    PageReactions,
    ReactionKept,
    RemoveReaction,
    SetReaction,
)
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Client
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, get, house
from tests.oracle import oracle
from tests.watched import Board

__all__ = ["house"]


def react(post_id: UUID, mood: str = "curious") -> SetReaction:
    return SetReaction.model_validate({"post_id": post_id, "mood": mood, "op_id": uuid7()})


def take_back(post_id: UUID) -> RemoveReaction:
    return RemoveReaction(post_id=post_id, op_id=uuid7())


async def moods(client: Client, post_id: UUID) -> dict[str, int]:
    return (await get(client, post_id)).reactions or {}


async def who(client: Client, asked: PageReactions) -> list[tuple[str, str]]:
    """Over all pages."""
    found: list[tuple[str, str]] = []
    while True:
        page = await client.call(asked)
        found += [(one.user.username, one.mood) for one in page.reactions]
        if not page.more:
            return found
        last = page.reactions[-1]
        asked = asked.model_copy(update={"before": (last.reacted_at, last.user.user_id)})


async def noticed(client: Client, count: int) -> None:
    """Until the author is told of so many."""
    async with asyncio.timeout(15):
        while True:
            groups = (await client.call(ListNotifications())).groups
            if sum(group.count or 0 for group in groups) == count:
                return
            await asyncio.sleep(0.05)


async def reach(board: Board, reactions: dict[str, int]) -> None:
    async with asyncio.timeout(10):
        while board.state.reactions != reactions:
            await board.next()


async def test_one_mood_for_a_user_that_changes_and_goes(house: House) -> None:
    post_id = await house.post()
    with house.alice.inbox() as inbox:
        board = await Board.watch(house.alice, inbox, post_id)
        async with oracle(house.alice, house.alice_too, house.bob):
            first = react(post_id)
            kept = await house.bob.call(first)
            assert kept == ReactionKept(post_id=post_id, mood="curious", changed=True)
            assert await house.bob.call(first) == kept, "a retry"
            assert not (await house.bob.call(react(post_id))).changed
            await house.bob.call(react(post_id, "excited"))
            await house.alice_too.call(react(post_id, "grateful"))
            assert await moods(house.carol, post_id) == {"excited": 1, "grateful": 1}
            assert (await get(house.bob, post_id)).own_reaction == "excited"
            await noticed(house.alice, 1)
        await reach(board, {"excited": 1, "grateful": 1})
        async with oracle(house.alice, house.alice_too, house.bob):
            assert (await house.bob.call(take_back(post_id))).changed
            assert not (await house.bob.call(take_back(post_id))).changed
            await noticed(house.alice, 0)
        await reach(board, {"grateful": 1})


async def test_not_where_it_is_not_asked_for(house: House) -> None:
    closed = await house.post(allow_reactions=False)
    hidden = await house.post(visibility="private")
    gone, ours = await house.post(), await house.post()
    await house.bob.call(react(gone))
    await house.alice.call(DeletePost(post_id=gone, op_id=uuid7()))
    assert await refused(house.bob, react(closed)) == "forbidden post_id"
    for post_id in (hidden, gone, uuid7()):
        assert await refused(house.bob, react(post_id)) == "not_found post_id"
        assert await refused(house.bob, PageReactions(post_id=post_id)) == "not_found post_id"
    assert [one.post_id for one in (await house.bob.call(ListReactions())).reactions] == [gone]
    assert (await house.bob.call(take_back(gone))).changed, (
        "it is theirs, whatever has become of it"
    )
    await house.bob.call(react(ours))
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await refused(house.bob, react(ours, "excited")) == "not_found post_id"
    assert (await house.bob.call(take_back(ours))).changed


async def test_who_has_reacted_without_those_who_are_blocked(house: House) -> None:
    post_id = await house.post()
    for client, mood in (
        (house.alice, "curious"),
        (house.bob, "curious"),
        (house.carol, "excited"),
    ):
        await client.call(react(post_id, mood))
    everybody = [("carol", "excited"), ("bob", "curious"), ("alice", "curious")]
    asked = PageReactions(post_id=post_id, limit=1)
    assert await who(house.bob, asked) == everybody
    assert await who(house.bob, asked.model_copy(update={"mood": "curious"})) == everybody[1:]
    await house.bob.call(BlockUser(user_id=id_of(house.carol), op_id=uuid7()))
    assert await who(house.bob, asked) == everybody[1:]
    assert await who(house.carol, asked) == [everybody[0], everybody[2]]
    mine = await house.bob.call(ListReactions(limit=1))
    assert ([(one.post_id, one.mood) for one in mine.reactions], mine.more) == (
        [(post_id, "curious")],
        False,
    )


async def test_two_devices_at_once_leave_one_mood(house: House) -> None:
    post_id = await house.post(house.bob)
    async with oracle(house.alice, house.alice_too):
        await asyncio.gather(
            *(
                client.call(asked)
                for client in (house.alice, house.alice_too)
                for asked in (react(post_id), take_back(post_id), react(post_id, "excited"))
            )
        )
        now = await get(house.alice, post_id)
    told = {now.own_reaction: 1} if now.own_reaction else {}
    assert (now.reactions or {}) == told


async def test_a_viewer_who_wants_no_numbers_gets_none(house: House) -> None:
    post_id = await house.post()
    await house.bob.call(react(post_id))
    await house.bob.call(ChangeSettings(op_id=uuid7(), hide_metrics=True))
    assert (await get(house.bob, post_id)).reactions is None
    assert (await get(house.bob, post_id)).own_reaction == "curious"
