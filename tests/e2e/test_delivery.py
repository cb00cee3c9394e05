"""What is acknowledged reaches whoever is connected, whatever happens to the way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ConversationCreated
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    Message,
    MessageChanged,
    MessageCreated,
)

from lumina_rt.client import Inbox
from lumina_rt.config import Settings
from tests.bus.members import OwnRedis
from tests.house import created, message, nodes, open_conversation, register, say, send_all, user
from tests.oracle import oracle
from tests.store.relay import Relay

LIMIT_S = 5
"""What is acknowledged is there by then, without a reconnect."""


@pytest.fixture
def fragile(settings: Settings, own_redis: OwnRedis) -> Settings:
    """Of nodes whose Redis the test may kill."""
    return settings.model_copy(update={"redis_url": own_redis.url})


async def seqs(inbox: Inbox, count: int) -> list[int]:
    async with asyncio.timeout(LIMIT_S):
        return [event.message.seq for event in await created(inbox, count)]


async def test_events_of_two_nodes_that_send_at_once_come_in_order_live(
    settings: Settings,
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            async with oracle(alice, bob):
                with alice.inbox() as a, bob.inbox() as b:
                    sending = [
                        asyncio.create_task(
                            send_all(client, *(message(talk, str(i)) for i in range(100)))
                        )
                        for client in (alice, bob)
                    ]
                    told = await asyncio.gather(seqs(a, 200), seqs(b, 200))
                    await asyncio.gather(*sending)
    assert list(told) == [list(range(1, 201))] * 2


async def test_without_redis_messages_arrive_a_little_later(
    fragile: Settings, own_redis: OwnRedis
) -> None:
    async with nodes(fragile, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                await say(alice, talk, "before")
                assert await seqs(inbox, 1) == [1]
                await own_redis.kill()
                await say(alice, talk, "the last one of a quiet conversation")
                assert await seqs(inbox, 1) == [2]
                await send_all(alice, *(message(talk, str(i)) for i in range(20)))
                assert await seqs(inbox, 20) == list(range(3, 23))
                assert all(node.checks()["delivery"] for node in (one, two)), "nobody is sent away"
                await own_redis.start()
                await say(alice, talk, "after")
                assert await seqs(inbox, 1) == [23]


async def test_edits_and_deletions_arrive_without_redis(
    fragile: Settings, own_redis: OwnRedis
) -> None:
    async with nodes(fragile, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                sent = await say(alice, talk, "a slip")
                assert await seqs(inbox, 1) == [1]
                await own_redis.kill()
                which = {"conversation_id": talk, "message_id": sent.message_id}
                edit = EditMessage(**which, op_id=uuid7(), base_rev=sent.rev, content="mended")
                await alice.call(edit)
                assert (await next_change(inbox)).content == "mended"
                await alice.call(DeleteMessage(**which, op_id=uuid7()))
                assert (await next_change(inbox)).is_deleted


async def next_change(inbox: Inbox) -> Message:
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            if isinstance(news, MessageChanged):
                return news.message
    raise AssertionError("an inbox does not end")


async def test_what_was_missed_of_a_message_is_told_as_it_is_now(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """Sent by a node that died, and edited before anybody was told: one event says both."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                async with pg.transaction():
                    await commit_elsewhere(pg, talk, "a slip")
                    await pg.execute("update messages set content = 'mended', is_edited = true")
                    await pg.execute("update conversations set last_rev = 2")
                    await pg.execute(
                        "insert into message_changes"
                        " select conversation_id, 1, 2 from conversations"
                    )
                    await pg.execute(
                        "update outbox set to_rev = 2 where conversation_id is not null"
                    )
                (event,) = await arriving(inbox)
                assert (event.message.content, event.message.rev) == ("mended", 2)
                await say(alice, talk, "next")
                assert await seqs(inbox, 1) == [2]


async def test_an_event_outside_of_conversations_arrives_without_redis(
    fragile: Settings, own_redis: OwnRedis
) -> None:
    async with nodes(fragile, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            await own_redis.kill()
            async with oracle(alice, bob):
                with bob.inbox() as inbox:
                    talk = await open_conversation(alice, "bob")
                    assert await next_conversation(inbox) == talk


async def next_conversation(inbox: Inbox) -> UUID:
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            if isinstance(news, ConversationCreated):
                return news.conversation.conversation_id
    raise AssertionError("an inbox does not end")


async def test_what_redis_forgets_arrives(fragile: Settings, own_redis: OwnRedis) -> None:
    async with nodes(fragile, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                for i in range(1, 6):
                    await one.bus.redis.flushall()
                    await say(alice, talk, str(i))
                assert await seqs(inbox, 5) == [1, 2, 3, 4, 5]


@pytest.fixture
async def relay(database_url: str, tmp_path: Path) -> AsyncIterator[Relay]:
    relay = Relay(tmp_path, database_url)
    await relay.start()
    yield relay
    await relay.stop()


async def test_a_commit_whose_answer_was_lost_is_told_to_everybody(
    settings: Settings, relay: Relay, writer_url: str
) -> None:
    """The node never hears that it was its own first try that has committed."""
    through = urlsplit(relay.url)._replace(netloc=urlsplit(writer_url).netloc).geturl()
    async with (
        nodes(settings.model_copy(update={"database_url": through}), 1) as (one,),
        nodes(settings, 1, node="other") as (two,),
    ):
        await register(one, "alice", "bob")
        async with (
            user(one, "alice") as alice,
            user(one, "alice") as alice_too,
            user(two, "bob") as bob,
        ):
            talk = await open_conversation(alice, "bob")
            async with oracle(alice, alice_too, bob):
                relay.committed, relay.lose_commit_answers = b"sent", 1
                sent = await say(alice, talk, "in doubt")
                assert relay.lose_commit_answers == 0
            assert sent.seq == 1


async def test_what_a_node_committed_and_did_not_live_to_publish_arrives(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """As if by a node that was killed right after its commit: the function is all it ran."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            async with oracle(alice, bob):
                with bob.inbox() as inbox:
                    await commit_elsewhere(pg, talk, "last words")
                    (event,) = await arriving(inbox)
    assert (event.message.seq, event.message.content) == (1, "last words")


async def arriving(inbox: Inbox) -> list[MessageCreated]:
    async with asyncio.timeout(LIMIT_S):
        return await created(inbox, 1)


async def commit_elsewhere(pg: asyncpg.Connection, talk: UUID, content: str) -> None:
    await pg.execute(
        "select from send_messages(array[$1::uuid], array[$2::uuid],"
        " array(select user_id from users where username = 'alice'), array[$3], array[$4::bytea],"
        " 'dead#1')",
        talk,
        message(talk, content).message_id,
        content,
        bytes(16),
    )
