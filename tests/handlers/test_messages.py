from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.codec import JSON
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, MessageCreated, ReadHistory, SendMessage

from lumina_rt.client import Client, Inbox, follow
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle


async def next_message(inbox: Inbox) -> Message:
    async for news in inbox:
        if isinstance(news, MessageCreated):
            return news.message
    raise AssertionError("an inbox does not end")


async def followed(client: Client, conversation: UUID, count: int) -> list[Message]:
    """The first `count` messages of a conversation, also those said before the reading began."""
    messages: list[Message] = []
    async for message in follow(client, conversation, history=200):
        messages.append(message)
        if len(messages) == count:
            break
    return messages


async def test_a_sent_message_reaches_every_device_of_every_member(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with (
            user(one, "alice") as alice,
            user(two, "alice") as alice_too,
            user(two, "bob", JSON) as bob,
        ):
            conversation = await open_conversation(alice, "bob")
            with alice.inbox() as a, alice_too.inbox() as b, bob.inbox() as c:
                async with oracle(alice, alice_too, bob):
                    sent = await say(alice, conversation, "hello")
                told = [await next_message(inbox) for inbox in (a, b, c)]
    assert told[0] == told[1] == told[2]
    assert (told[0].content, told[0].seq, sent.seq) == ("hello", 1, 1)
    assert told[0].message_id == sent.message_id


async def test_messages_are_numbered_without_holes_whoever_sends(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            conversation = await open_conversation(alice, "bob")
            async with asyncio.TaskGroup() as tasks:
                seen = [
                    tasks.create_task(followed(client, conversation, 40)) for client in (alice, bob)
                ]
                for i in range(20):
                    tasks.create_task(say(alice, conversation, f"a{i}"))
                    tasks.create_task(say(bob, conversation, f"b{i}"))
    rows = await pg.fetch("select seq, rev, content from messages order by seq")
    assert [row["seq"] for row in rows] == list(range(1, 41))
    assert [row["rev"] for row in rows] == list(range(1, 41))
    of_alice = [row["content"] for row in rows if row["content"].startswith("a")]
    assert of_alice == [f"a{i}" for i in range(20)], "one connection's sends keep their order"
    for task in seen:
        assert [message.seq for message in task.result()] == list(range(1, 41))


async def test_a_retry_gets_the_first_answer_and_nobody_is_told_twice(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "alice") as alice_too:
            conversation = await open_conversation(alice, "bob")
            request = SendMessage(
                conversation_id=conversation, message_id=uuid7(), content="only once"
            )
            async with oracle(alice, alice_too):
                first, *retries = await asyncio.gather(
                    *(client.call(request) for client in (alice, alice_too) * 5)
                )
            assert retries == [first] * 9
            page = await alice.call(ReadHistory(conversation_id=conversation))
    assert [message.content for message in page.messages] == ["only once"]


async def test_an_id_used_before_with_other_content_is_a_conflict(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            conversation = await open_conversation(alice, "bob")
            request = SendMessage(conversation_id=conversation, message_id=uuid7(), content="one")
            async with oracle(alice, bob):
                first = await alice.call(request)
                for client, content in ((alice, "two"), (bob, "one")):
                    with pytest.raises(LuminaError, match="conflict"):
                        await client.call(request.model_copy(update={"content": content}))
            assert (await say(alice, conversation, "next")).seq == first.seq + 1


async def test_a_stranger_can_neither_send_nor_read(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "mallory")
        async with user(node, "alice") as alice, user(node, "mallory") as mallory:
            conversation = await open_conversation(alice, "bob")
            await say(alice, conversation, "between us")
            for conversation_id in (conversation, uuid7()):
                async with oracle(alice, mallory):
                    with pytest.raises(LuminaError, match="not_found"):
                        await say(mallory, conversation_id, "let me in")
                    with pytest.raises(LuminaError, match="not_found"):
                        await mallory.call(ReadHistory(conversation_id=conversation_id))
    assert await pg.fetchval("select count(*) from messages") == 1


async def test_history_is_read_in_pages_in_both_directions(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            conversation = await open_conversation(alice, "bob")
            for i in range(1, 8):
                await say(alice, conversation, str(i))

            async def seqs(**where: Any) -> list[int]:
                page = await alice.call(ReadHistory(conversation_id=conversation, limit=3, **where))
                assert page.last_seq == 7
                assert [message.content for message in page.messages] == [
                    str(message.seq) for message in page.messages
                ]
                return [message.seq for message in page.messages]

            assert await seqs() == [5, 6, 7]
            assert await seqs(before_seq=5) == [2, 3, 4]
            assert await seqs(before_seq=1) == []
            assert await seqs(after_seq=0) == [1, 2, 3]
            assert await seqs(after_seq=6) == [7]
            assert await seqs(after_seq=99) == []


async def test_a_page_of_long_messages_is_cut_to_fit_and_all_of_it_can_be_read(
    settings: Settings,
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            conversation = await open_conversation(alice, "bob")
            for _ in range(20):
                await say(alice, conversation, "👋" * 4000)
            page = await alice.call(ReadHistory(conversation_id=conversation, limit=200))
            assert [message.seq for message in page.messages] == list(range(13, 21))
            following = follow(alice, conversation, history=1)
            assert (await anext(following)).seq == 20
            await following.aclose()
            seen, after = [], 0
            while after < page.last_seq:
                asked = ReadHistory(conversation_id=conversation, after_seq=after, limit=200)
                seen += [message.seq for message in (await alice.call(asked)).messages]
                after = seen[-1]
    assert seen == list(range(1, 21))


@pytest.mark.parametrize(
    "content", ["ÀÉ 👋🏽 \u202e x", "a" * 4000, "line\nbreak\ttab", "'; drop table"]
)
async def test_text_comes_back_as_it_was_sent(settings: Settings, content: str) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob", JSON) as bob:
            conversation = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                await say(alice, conversation, content)
                assert (await next_message(inbox)).content == content
