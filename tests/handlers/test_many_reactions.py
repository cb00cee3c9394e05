"""Two hundred react to one post at once: all are counted, and all who watch see it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from lumina_protocol.accounts import Register
from lumina_protocol.fields import uuid7
from lumina_protocol.posts import CreatePost, GetPost
from lumina_protocol.reactions import Mood, RemoveReaction, SetReaction

from lumina_rt.app import Node
from lumina_rt.cli.recount import recount
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.workers.counters import COUNTERS
from tests.house import PASSWORD, nodes
from tests.watched import WITHIN_S, Board

MANY = 200
MOODS: tuple[Mood, ...] = ("inspired", "grateful", "curious")


async def register(node: Node, count: int) -> list[str]:
    """Their tokens."""
    async with Client(node.url) as stranger:
        asked = [Register(username=f"user{n}", password=PASSWORD) for n in range(count)]
        return [(await stranger.call(one)).token for one in asked]


async def one_after_another(client: Client, post_id: UUID, number: int) -> None:
    """Every second one changes their mind, and every fourth takes it back."""
    for mood in (MOODS[(number + 1) % 3], MOODS[number % 3])[number % 2 :]:
        await client.call(SetReaction(op_id=uuid7(), post_id=post_id, mood=mood))
    if number % 4 == 0:
        await client.call(RemoveReaction(op_id=uuid7(), post_id=post_id))


@pytest.mark.timeout(120)
async def test_of_two_hundred_at_once_none_is_lost_or_counted_twice(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(nodes(settings))
        tokens = await register(both[0], MANY + 1)
        clients = [Client(both[n % 2].url, token=token) for n, token in enumerate(tokens)]
        for client in clients:
            await stack.enter_async_context(client)
        author, *people = clients
        new = CreatePost(post_id=uuid7(), post_type="text", caption="hello")
        post_id = (await author.call(new)).post_id
        watchers = (author, people[0], people[1])
        inboxes = [stack.enter_context(client.inbox()) for client in watchers]
        pairs = zip(watchers, inboxes, strict=True)
        boards = [await Board.watch(client, inbox, post_id) for client, inbox in pairs]
        await asyncio.gather(
            *(one_after_another(client, post_id, number) for number, client in enumerate(people))
        )
        there = Counter(MOODS[number % 3] for number in range(MANY) if number % 4)
        told = (await people[1].call(GetPost(post_id=post_id))).post.reactions
        assert told == dict(there)
        async with asyncio.timeout(WITHIN_S):
            for board in boards:
                while board.state.reactions != dict(there):
                    await board.next()
        found = await recount(settings.database_url, COUNTERS, fix=False, fold=True)
        assert [each for each in found if each.wrong] == []
        assert (await author.call(GetPost(post_id=post_id))).post.reactions == dict(there)
