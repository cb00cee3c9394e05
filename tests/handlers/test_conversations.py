from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import (
    CreateConversation,
    ListConversations,
    MemberTyping,
    TellTyping,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from lumina_protocol.messages import MessageCreated

from lumina_rt.client import Inbox
from lumina_rt.config import Settings
from tests.handlers.test_sending import BLOCK
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle


async def test_both_members_are_told_of_a_new_conversation(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "carol")
        async with (
            user(one, "alice") as alice,
            user(two, "bob") as bob,
            user(two, "carol") as carol,
            oracle(alice, bob, carol),
        ):
            asked = CreateConversation(conversation_id=uuid7(), username="Bob")
            reply = await alice.call(asked)
    assert reply.created
    assert reply.conversation.conversation_id == asked.conversation_id
    assert {member.username for member in reply.conversation.members} == {"alice", "bob"}


async def test_a_pair_has_one_conversation_even_when_both_create_it_at_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob, oracle(alice, bob):
            ids = await asyncio.gather(
                *(open_conversation(alice, "bob") for _ in range(10)),
                *(open_conversation(bob, "alice") for _ in range(10)),
            )
    assert len(set(ids)) == 1
    assert await pg.fetchval("select count(*) from conversations") == 1


@pytest.mark.parametrize(
    ("username", "code"), [("nobody.here", "not_found"), ("ALICE", "invalid"), ("a", "invalid")]
)
async def test_a_conversation_needs_another_user(
    settings: Settings, username: str, code: str
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice, oracle(alice):
            with pytest.raises(LuminaError) as refused:
                await alice.call(
                    CreateConversation.model_construct(conversation_id=uuid7(), username=username)
                )
    assert refused.value.body.code == code
    assert refused.value.body.field == "username"


async def test_the_id_of_another_conversation_is_a_conflict(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol")
        async with user(node, "alice") as alice, oracle(alice):
            taken = await open_conversation(alice, "bob")
            with pytest.raises(LuminaError, match="conflict"):
                await alice.call(CreateConversation(conversation_id=taken, username="carol"))


async def test_the_list_is_paged_with_the_newest_activity_first(settings: Settings) -> None:
    names = [f"friend{i}" for i in range(5)]
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", *names)
        async with user(node, "alice") as alice:
            opened = {name: await open_conversation(alice, name) for name in names}
            for name in (names[3], names[0], names[3]):
                await say(alice, opened[name], f"to {name}")
            pages, before, more = [], None, True
            while more:
                page = await alice.call(ListConversations(limit=2, before=before))
                more, last = page.more, page.conversations[-1]
                before = (last.updated_at, last.conversation_id)
                pages.append([item.conversation_id for item in page.conversations])
    ids = [id_ for page in pages for id_ in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert ids[:2] == [opened[names[3]], opened[names[0]]]
    assert sorted(ids) == sorted(opened.values())


async def typists(inbox: Inbox) -> list[UUID]:
    """Who was seen typing before the next message came."""
    seen: list[UUID] = []
    async with asyncio.timeout(5):
        async for news in inbox:
            if isinstance(news, MemberTyping):
                seen.append(news.user_id)
            if isinstance(news, MessageCreated):
                return seen
    raise AssertionError("an inbox does not end")


async def test_the_other_member_sees_who_is_typing_on_any_node(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "carol")
        async with (
            user(one, "alice") as alice,
            user(two, "bob") as bob,
            user(two, "carol") as carol,
        ):
            with alice.inbox() as own, bob.inbox() as inbox, carol.inbox() as strange:
                talk = await open_conversation(alice, "bob")
                other = await open_conversation(alice, "carol")
                kept = await pg.fetchval("select count(*) from outbox")
                await alice.call(TellTyping(conversation_id=talk))
                with pytest.raises(LuminaError, match="not_found"):
                    await carol.call(TellTyping(conversation_id=talk))
                assert await pg.fetchval("select count(*) from outbox") == kept
                await say(alice, talk, "said")
                assert alice.ready
                assert await typists(inbox) == [alice.ready.user_id]
                assert await typists(own) == []
                await say(alice, other, "hello")
                assert await typists(strange) == []


@pytest.mark.parametrize("pair", [("alice", "bob"), ("bob", "alice")])
async def test_who_is_blocked_or_has_blocked_is_not_seen_typing(
    settings: Settings, pg: asyncpg.Connection, pair: tuple[str, str]
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            await pg.execute(BLOCK, *pair)
            with bob.inbox() as inbox:
                await alice.call(TellTyping(conversation_id=talk))
                await pg.execute("delete from follows")
                await say(alice, talk, "said")
                assert await typists(inbox) == []


async def test_typing_is_told_once_and_its_end_and_not_in_big_groups(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            other = uuid7()
            await alice.call(CreateGroup(conversation_id=other, title="Big", usernames=["bob"]))
            await pg.execute(
                "update conversations set member_count = 201 where conversation_id = $1", other
            )
            with bob.inbox() as inbox:
                await alice.call(TellTyping(conversation_id=other))
                for typing in (True, True, True, False, False, True):
                    await alice.call(TellTyping(conversation_id=talk, typing=typing))
                await say(alice, talk, "said")
                seen: list[bool] = []
                async with asyncio.timeout(5):
                    async for news in inbox:
                        if isinstance(news, MemberTyping):
                            assert news.conversation_id == talk
                            seen.append(news.typing)
                        if isinstance(news, MessageCreated) and news.message.content == "said":
                            break
                assert seen == [True, False]
