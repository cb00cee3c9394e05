"""Blocks: what they end at once, on every node, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import (
    BlockUser,
    ListBlocks,
    UnblockUser,
)
from lumina_protocol.conversations import CreateConversation, MemberTyping, TellTyping
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import PersonalEvent, Request
from lumina_protocol.members import AddMembers, CreateGroup
from lumina_protocol.messages import DeleteMessage, EditMessage, MessageCreated

from lumina_rt.client import Client, Inbox, News
from lumina_rt.config import Settings
from tests.handlers.test_sending import codes, held
from tests.house import message, nodes, open_conversation, register, say, send_all, user
from tests.oracle import oracle

LIMIT_S = 10


@dataclass
class House:
    """alice with two devices, on either node; bob on the second, carol on the first."""

    alice: Client
    alice_too: Client
    bob: Client
    carol: Client

    def id(self, name: str) -> UUID:
        ready = getattr(self, name).ready
        assert ready
        user_id: UUID = ready.user_id
        return user_id

    def block(self, name: str) -> BlockUser:
        return BlockUser(user_id=self.id(name), op_id=uuid7())

    def unblock(self, name: str) -> UnblockUser:
        return UnblockUser(user_id=self.id(name), op_id=uuid7())


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol")
        homes = [(one, "alice"), (two, "alice"), (two, "bob"), (one, "carol")]
        clients = [await stack.enter_async_context(user(node, name)) for node, name in homes]
        yield House(*clients)


async def refused(client: Client, request: Request[Any]) -> str:
    with pytest.raises(LuminaError) as refusal:
        await client.call(request)
    return f"{refusal.value.body.code} {refusal.value.body.field or ''}".strip()


async def until(inbox: Inbox, content: str) -> list[News]:
    """What was told up to the message that says so."""
    heard: list[News] = []
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            heard.append(news)
            if isinstance(news, MessageCreated) and news.message.content == content:
                return heard
    raise AssertionError("an inbox does not end")


async def test_who_blocks_is_told_on_all_devices_and_who_is_blocked_is_not(house: House) -> None:
    group = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob"])
    await house.alice.call(group)
    async with oracle(house.alice, house.alice_too, house.bob, house.carol):
        with (
            house.alice.inbox() as own,
            house.alice_too.inbox() as other,
            house.bob.inbox() as bobs,
        ):
            assert (await house.alice.call(house.block("bob"))).changed
            assert not (await house.alice_too.call(house.block("bob"))).changed
            assert (await house.alice_too.call(house.unblock("bob"))).changed
            assert not (await house.alice.call(house.unblock("bob"))).changed
            await say(house.alice, group.conversation_id, "that is all")
            for inbox in (own, other):
                told = own_events(await until(inbox, "that is all"))
                assert told == ["user.blocked", "user.unblocked"]
            assert own_events(await until(bobs, "that is all")) == []


def own_events(heard: list[News]) -> list[str]:
    return [news.type for news in heard if isinstance(news, PersonalEvent)]


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_a_block_ends_at_once_what_the_two_say_to_each_other(
    house: House, pg: asyncpg.Connection, blocker: str
) -> None:
    talk = await open_conversation(house.alice, "bob")
    said = await say(house.alice, talk, "before")
    group = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob"])
    await house.alice.call(group)
    other = "bob" if blocker == "alice" else "alice"
    async with oracle(house.alice, house.alice_too, house.bob):
        with house.bob.inbox() as inbox:
            await getattr(house, blocker).call(house.block(other))
            for speaker in (house.alice, house.alice_too, house.bob):
                assert await refused(speaker, message(talk, "after")) == "blocked"
                await speaker.call(TellTyping(conversation_id=talk))
            edit = EditMessage(
                conversation_id=talk,
                message_id=said.message_id,
                op_id=uuid7(),
                base_rev=said.rev,
                content="after all",
            )
            assert await refused(house.alice, edit) == "blocked"
            delete = DeleteMessage(conversation_id=talk, message_id=said.message_id, op_id=uuid7())
            await house.alice.call(delete)
            await say(house.alice, group.conversation_id, "groups go on")
            heard = await until(inbox, "groups go on")
    kept = "select last_seq from conversations where conversation_id = $1"
    assert await pg.fetchval(kept, talk) == 1, "what is refused is not kept either"
    assert [n for n in heard if isinstance(n, MemberTyping)] == []
    assert [n.message.content for n in heard if isinstance(n, MessageCreated)] == ["groups go on"]


@pytest.mark.parametrize("blocker", ["alice", "carol"])
async def test_neither_brings_the_other_into_anything(house: House, blocker: str) -> None:
    group = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob"])
    await house.alice.call(group)
    other = "carol" if blocker == "alice" else "alice"
    await getattr(house, blocker).call(house.block(other))
    for asker, asked in ((house.alice, "carol"), (house.carol, "alice")):
        create = CreateConversation(conversation_id=uuid7(), username=asked)
        assert await refused(asker, create) == "not_found username"
        tea = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=[asked])
        assert await refused(asker, tea) == "not_found usernames"
    add = AddMembers(conversation_id=group.conversation_id, usernames=["carol"], op_id=uuid7())
    assert await refused(house.alice, add) == "not_found usernames"
    await getattr(house, blocker).call(house.unblock(other))
    await open_conversation(house.carol, "alice")


async def test_a_block_ends_follows_and_requests_both_ways_and_unblock_brings_none_back(
    house: House, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = (house.id(name) for name in ("alice", "bob", "carol"))
    for pair in ((alice, bob), (bob, alice), (alice, carol), (carol, bob)):
        await pg.execute("insert into follows (follower_id, following_id) values ($1, $2)", *pair)
        await pg.execute(
            "insert into follow_requests (follower_id, following_id) values ($1, $2)", *pair
        )
    await house.alice.call(house.block("bob"))
    follows = "select follower_id, following_id, connection_type from follows order by 1, 2"
    others = [(alice, carol, "follow"), (carol, bob, "follow")]
    blocked = sorted([(alice, bob, "blocked"), *others])
    assert sorted(tuple(row) for row in await pg.fetch(follows)) == blocked
    await house.alice.call(house.unblock("bob"))
    assert sorted(tuple(row) for row in await pg.fetch(follows)) == sorted(others)
    requests = await pg.fetch("select follower_id, following_id from follow_requests")
    assert sorted(tuple(row) for row in requests) == sorted([(alice, carol), (carol, bob)])


async def test_one_of_two_blocks_may_end_and_the_other_stands(house: House) -> None:
    talk = await open_conversation(house.alice, "bob")
    await house.alice.call(house.block("bob"))
    assert (await house.bob.call(house.block("alice"))).changed
    assert not (await house.bob.call(house.unblock("carol"))).changed
    await house.alice.call(house.unblock("bob"))
    assert await refused(house.alice, message(talk, "hello")) == "blocked"
    await house.bob.call(house.unblock("alice"))
    await say(house.alice, talk, "hello")


async def test_a_block_waits_for_what_is_under_way_and_nothing_comes_after_it(
    house: House, pg: asyncpg.Connection
) -> None:
    """The block is asked for while a batch holds the conversation: what is sent once it is
    answered, on whichever node, is refused, and what was before it has come."""
    talk = await open_conversation(house.alice, "bob")
    async with oracle(house.alice, house.bob):
        async with held(pg, talk, writers=2):
            sending = asyncio.create_task(send_all(house.bob, message(talk, "before")))
            while not await pg.fetchval(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.005)
            blocking = asyncio.create_task(house.alice.call(house.block("bob")))
        assert codes(await sending) == ["sent"]
        assert (await blocking).changed
        assert codes(await send_all(house.bob, message(talk, "after"))) == ["blocked"]


async def test_a_retry_is_one_block(house: House) -> None:
    asked = house.block("bob")
    assert (await house.alice.call(asked)).changed
    await house.alice.call(house.unblock("bob"))
    assert (await house.alice_too.call(asked)).changed
    assert (await house.alice.call(ListBlocks())).users == []


async def test_nobody_blocks_themselves_or_who_is_not_there(house: House) -> None:
    assert await refused(house.alice, house.block("alice")) == "invalid user_id"
    nobody = BlockUser(user_id=uuid7(), op_id=uuid7())
    assert await refused(house.alice, nobody) == "not_found user_id"


async def test_blocks_are_listed_by_pages_and_only_ones_own(house: House) -> None:
    for name in ("bob", "carol"):
        await house.alice.call(house.block(name))
    await house.bob.call(house.block("alice"))
    first = await house.alice.call(ListBlocks(limit=1))
    assert ([u.username for u in first.users], first.more) == (["carol"], True)
    last = first.users[-1]
    rest = await house.alice.call(ListBlocks(before=(last.blocked_at, last.user_id)))
    assert ([u.username for u in rest.users], rest.more) == (["bob"], False)
    assert (await house.carol.call(ListBlocks())).users == []
