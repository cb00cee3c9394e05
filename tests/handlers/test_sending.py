"""Messages that wait together are committed together: what holds for each of them all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import MessageSent, ReadHistory

from lumina_rt.config import Settings
from tests.house import created, message, nodes, open_conversation, register, say, send_all, user
from tests.oracle import oracle

WAITING = """select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'"""
BLOCK = """
insert into follows (follower_id, following_id, connection_type)
select a.user_id, b.user_id, 'blocked' from users a, users b
where a.username = $1 and b.username = $2"""


@asynccontextmanager
async def held(
    pg: asyncpg.Connection, conversation: UUID, *, writers: int = 1
) -> AsyncIterator[None]:
    """Ends when that many writers wait for the conversation: what was sent in the block first is
    a batch under way, and what was sent after it is the next one."""
    async with pg.transaction():
        await pg.execute(
            "select from conversations where conversation_id = $1 for update", conversation
        )
        yield
        async with asyncio.timeout(10):
            while await pg.fetchval(WAITING) < writers:
                await asyncio.sleep(0.005)


def codes(results: list[MessageSent | BaseException]) -> list[str]:
    return [r.body.code if isinstance(r, LuminaError) else "sent" for r in results]


async def test_a_transaction_commits_no_more_than_the_setting_says_and_is_counted(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1, max_batch=3) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob, oracle(alice, bob):
            conversation = await open_conversation(alice, "bob")
            requests = [message(conversation, str(i)) for i in range(10)]
            async with held(pg, conversation):
                sending = asyncio.create_task(send_all(alice, *requests))
            assert codes(await sending) == ["sent"] * 10
        lines = node.telemetry.metrics().decode().splitlines()
    together = await pg.fetch("select count(*) from messages group by xmin::text")
    assert max(row["count"] for row in together) == 3
    assert f"lumina_batch_items_count {len(together)}.0" in lines
    assert "lumina_batch_items_sum 10.0" in lines


async def test_what_one_connection_sends_at_once_keeps_its_order(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            both = [await open_conversation(alice, name) for name in ("bob", "carol")]
            requests = [message(both[i % 2], str(i)) for i in range(100)]
            async with oracle(alice, bob):
                with bob.inbox() as inbox:
                    async with held(pg, both[0]):
                        sending = asyncio.create_task(send_all(alice, *requests))
                    assert codes(await sending) == ["sent"] * 100
                    live = await created(inbox, 50)
    assert [event.message.seq for event in live] == list(range(1, 51)), "announced in order"
    for conversation in both:
        said = await pg.fetch(
            "select content from messages where conversation_id = $1 order by seq", conversation
        )
        expected = [r.content for r in requests if r.conversation_id == conversation]
        assert [row["content"] for row in said] == expected


async def test_a_refused_message_fails_alone(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol", "trent")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            blocked = await open_conversation(alice, "trent")
            async with user(node, "carol") as carol:
                foreign = await open_conversation(carol, "bob")
            await pg.execute(BLOCK, "trent", "alice")
            known = message(talk, "first")
            await alice.call(known)
            requests = [
                message(talk, "a"),
                message(foreign, "not mine"),
                message(uuid7(), "nobody's"),
                message(talk, "other", known.message_id),
                message(blocked, "unwanted"),
                known,
                message(talk, "b"),
            ]
            async with oracle(alice, bob):
                async with held(pg, talk):
                    opener = asyncio.create_task(say(alice, talk, "opener"))
                    sending = asyncio.create_task(send_all(alice, *requests))
                results = await sending
                assert (await opener).seq == 2
    assert codes(results) == [
        "sent", "not_found", "not_found", "conflict", "blocked", "sent", "sent",
    ]  # fmt: skip
    assert [r.seq for r in results if isinstance(r, MessageSent)] == [3, 1, 4]


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_a_block_ends_a_direct_conversation_in_both_directions(
    settings: Settings, pg: asyncpg.Connection, blocker: str
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            kept = message(talk, "before")
            first = await alice.call(kept)
            await pg.execute(BLOCK, blocker, "bob" if blocker == "alice" else "alice")
            async with oracle(alice, bob):
                for client in (alice, bob):
                    with pytest.raises(LuminaError, match="blocked"):
                        await say(client, talk, "after")
                assert await alice.call(kept) == first, "a retry is still a retry"
            assert (await bob.call(ReadHistory(conversation_id=talk))).last_seq == 1


async def test_the_same_id_within_one_batch_is_one_message(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            once = message(talk, "once")
            other = message(talk, "something else", once.message_id)
            async with oracle(alice, bob):
                async with held(pg, talk):
                    opener = asyncio.create_task(say(alice, talk, "opener"))
                    sending = asyncio.create_task(send_all(alice, once, other, once))
                    of_bob = asyncio.create_task(send_all(bob, once))
                first, conflict, again = await sending
                await opener
    assert isinstance(first, MessageSent)
    assert again == first
    assert codes([conflict, *await of_bob]) == ["conflict", "conflict"]
    assert await pg.fetchval("select count(*) from messages") == 2


async def test_the_same_id_on_two_nodes_at_once_is_one_message(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "alice") as alice_too:
            talk = await open_conversation(alice, "bob")
            requests = [message(talk, str(i)) for i in range(10)]
            async with oracle(alice, alice_too):
                async with held(pg, talk, writers=2):
                    tasks = [
                        asyncio.create_task(send_all(client, *order))
                        for client, order in ((alice, requests), (alice_too, requests[::-1]))
                    ]
                here, there = [await task for task in tasks]
    assert here == there[::-1]
    assert sorted(r.seq for r in here if isinstance(r, MessageSent)) == list(range(1, 11))
    lines = "from outbox where conversation_id is not null"
    assert await pg.fetchval(f"select count(*) {lines}") == await pg.fetchval(
        f"select count(distinct (conversation_id, from_rev)) {lines}"
    )
    told = await pg.fetchval("select sum(to_rev - from_rev + 1) from outbox")
    assert told == 10, "each change is in the outbox once"


async def test_a_retry_of_long_ago_is_still_a_retry(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            kept = message(talk, "long ago")
            first = await alice.call(kept)
            await pg.execute("update messages set created_at = created_at - interval '2 years'")
            again = await alice.call(kept)
            assert again == first.model_copy(update={"created_at": again.created_at})
            with pytest.raises(LuminaError, match="conflict"):
                await alice.call(kept.model_copy(update={"content": "something else"}))
    assert await pg.fetchval("select count(*) from messages") == 1
