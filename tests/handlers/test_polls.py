"""Polls: one ballot for a user, while the poll is open, and results for whom they are for."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.comments import CreateComment
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.polls import PageVoters, PollVoted, Unvote, Vote, Voted
from lumina_protocol.watches import PollState

from lumina_rt.client import Client, Inbox
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import House, get, house
from tests.oracle import oracle
from tests.watched import Board

__all__ = ["house"]
CLOSE = """update polls set created_at = created_at - interval '1 hour', closes_at = now()
           where post_id = $1"""


async def poll(house: House, **values: Any) -> UUID:
    asked = {"question": "Tea?", "options": ["yes", "no", "later"], **values}
    return await house.post(post_type="poll", poll=asked)


def vote(post_id: UUID, *options: int) -> Vote:
    return Vote(post_id=post_id, op_id=uuid7(), options=list(options))


def take_back(post_id: UUID) -> Unvote:
    return Unvote(post_id=post_id, op_id=uuid7())


async def results(client: Client, post_id: UUID) -> list[int | None]:
    found = (await get(client, post_id)).poll
    assert found
    return [option.votes for option in found.options]


async def told(inbox: Inbox) -> list[int]:
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, PollVoted):
                return news.own_votes
    raise AssertionError("an inbox does not end")


async def reach(
    boards: list[Board], votes: list[list[int] | None], *, closed: bool = False
) -> None:
    """Until each of them is told so."""
    for board, wanted in zip(boards, votes, strict=True):
        now = PollState(is_closed=closed, votes=wanted)
        async with asyncio.timeout(10):
            while board.state.poll != now:
                await board.next()


async def test_a_ballot_is_given_once_and_taken_back(house: House) -> None:
    post_id = await poll(house)
    async with oracle(house.alice, house.alice_too):
        asked = vote(post_id, 1)
        kept = await house.alice.call(asked)
        assert kept == Voted(post_id=post_id, own_votes=[1], changed=True)
        assert await house.alice.call(asked) == kept, "a retry"
        assert not (await house.alice_too.call(vote(post_id, 1))).changed
        assert await refused(house.alice_too, vote(post_id, 0)) == "conflict options"
    async with oracle(house.alice, house.alice_too):
        assert (await house.alice.call(take_back(post_id))).changed
        assert not (await house.alice.call(take_back(post_id))).changed
        await house.alice.call(vote(post_id, 0))
    with house.bob.inbox() as inbox:
        await house.bob.call(vote(post_id, 2))
        assert await told(inbox) == [2]
    assert await results(house.bob, post_id) == [1, 0, 1]
    assert await refused(house.bob, vote(post_id, 0, 2)) == "invalid options"
    assert await refused(house.carol, vote(post_id, 3)) == "invalid options"
    several = await poll(house, multiple=True)
    assert (await house.bob.call(vote(several, 2, 0))).own_votes == [0, 2]
    assert await results(house.bob, several) == [1, 0, 1]
    assert (await house.bob.call(take_back(several))).changed
    assert await results(house.alice, several) == [0, 0, 0]


async def test_only_where_there_is_a_poll_for_the_user(house: House) -> None:
    post_id, no_poll = await poll(house), await house.post()
    for request in (vote(no_poll, 0), take_back(no_poll), vote(uuid7(), 0), take_back(uuid7())):
        assert await refused(house.bob, request) == "not_found post_id"
    await house.bob.call(vote(post_id, 0))
    await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
    assert await refused(house.bob, vote(post_id, 1)) == "not_found post_id"
    assert (await house.bob.call(take_back(post_id))).changed, "it is theirs"
    assert await refused(house.bob, take_back(post_id)) == "not_found post_id"


async def test_after_closing_nobody_votes(house: House) -> None:
    post_id = await poll(house, show_results="after_close")
    await house.bob.call(vote(post_id, 0))
    assert await results(house.bob, post_id) == [None] * 3
    await house.pg.execute(CLOSE, post_id)
    for request in (vote(post_id, 1), take_back(post_id)):
        assert await refused(house.bob, request) == "poll_closed post_id"
        assert await refused(house.carol, request) == "poll_closed post_id"
    assert not (await house.bob.call(vote(post_id, 0))).changed, "so it is"
    assert await results(house.carol, post_id) == [1, 0, 0]


async def test_results_are_live_for_whom_they_are_for(house: House) -> None:
    post_id = await poll(house)
    with house.alice.inbox() as one, house.bob.inbox() as two, house.carol.inbox() as three:
        watched = (house.alice, one), (house.bob, two), (house.carol, three)
        boards = [await Board.watch(client, inbox, post_id) for client, inbox in watched]
        await house.bob.call(vote(post_id, 1))
        await reach(boards, [[0, 1, 0], [0, 1, 0], None])  # the author, who has voted, who has not
        await house.bob.call(take_back(post_id))
        await house.carol.call(vote(post_id, 2))
        await reach(boards, [[0, 0, 1], None, [0, 0, 1]])
        again = await house.bob.watch("post", post_id)
        assert again.post
        assert again.post.poll
        assert again.post.poll.votes is None, "as in a snapshot"
        await house.pg.execute(CLOSE, post_id)
        said = CreateComment(post_id=post_id, comment_id=uuid7(), content="so it is")
        await house.carol.call(said)
        await reach(boards, [[0, 0, 1]] * 3, closed=True)


async def test_two_devices_vote_at_once(house: House) -> None:
    post_id = await poll(house, multiple=True)

    async def tried(client: Client, *options: int) -> list[int]:
        try:
            return (await client.call(vote(post_id, *options))).own_votes
        except LuminaError as error:
            assert error.body.code == "conflict"
            return []

    pairs = [(house.alice, house.alice_too)] * 5
    for one, other in pairs:
        both = await asyncio.gather(tried(one, 0, 1), tried(other, 2))
        assert sorted(map(len, both)) in ([0, 1], [0, 2]), "one ballot"
        assert sum(votes or 0 for votes in await results(one, post_id)) == sum(map(len, both))
        await one.call(take_back(post_id))


async def test_who_has_voted_only_the_author_sees(house: House) -> None:
    post_id = await poll(house, multiple=True)
    await house.bob.call(vote(post_id, 0, 1))
    await house.carol.call(vote(post_id, 1))
    asked = PageVoters(post_id=post_id, option_no=1, limit=1)
    page = await house.alice.call(asked)
    assert ([one.user.username for one in page.voters], page.more) == (["carol"], True)
    last = page.voters[0]
    rest = asked.model_copy(update={"before": (last.voted_at, last.user.user_id)})
    page = await house.alice.call(rest)
    assert ([one.user.username for one in page.voters], page.more) == (["bob"], False)
    assert await refused(house.bob, asked) == "forbidden post_id"
    await house.alice.call(BlockUser(user_id=id_of(house.carol), op_id=uuid7()))
    assert [one.user.username for one in (await house.alice.call(asked)).voters] == ["bob"]


@pytest.mark.parametrize("options", [[], [1, 1], [20], [-1]])
async def test_options_that_cannot_be(house: House, options: list[int]) -> None:
    asked = Vote.model_construct(post_id=uuid7(), op_id=uuid7(), options=options)
    assert (await refused(house.bob, asked)).startswith("invalid options")
