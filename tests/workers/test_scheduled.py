"""The sending of what was scheduled: once, whichever node does it and whatever dies when."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7

from lumina_rt.config import Settings
from lumina_rt.store.db import Db
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.scheduled import DUE, Scheduled, mark, send
from tests.workers.rows import conversation, count, database, user

KEY = b"key"
ADD = """
insert into scheduled_messages (message_id, conversation_id, user_id, body, send_at)
values ($1, $2, $3, $4::text::jsonb, now() - interval '1 minute')"""
HOLD = "select from conversations where conversation_id = $1 for update"
OPEN = "select count(*) from scheduled_messages where sent_at is null"


async def due(pg: asyncpg.Connection, talk: UUID, user_id: UUID, body: str = "") -> UUID:
    message_id = uuid7()
    await pg.execute(ADD, message_id, talk, user_id, body or '{"content": "hello"}')
    return message_id


def worker(db: Db) -> Scheduled:
    return Scheduled(db, KEY, Telemetry("test"))


class KilledError(Exception):
    """The node has died here: what it had not committed, Postgres rolls back."""


async def die_before_marking(db: Db) -> None:
    async with db.tx() as tx:
        assert await send(tx, await tx.all(DUE, batch=5, passed_by=[]), KEY) == [None]
        raise KilledError


async def test_two_nodes_at_once_send_each_once(settings: Settings, pg: asyncpg.Connection) -> None:
    people = [await user(pg) for _ in range(4)]
    talks = [await conversation(pg, *people) for _ in range(3)]
    ids = [await due(pg, talks[n % 3], people[n % 4]) for n in range(120)]
    async with database(settings, 2) as one, database(settings, 2) as other:
        await asyncio.gather(*(worker(db).turn() for db in (one, other, one, other)))
    found = await pg.fetch("select message_id, seq, conversation_id from messages")
    assert sorted(row["message_id"] for row in found) == sorted(ids)
    for talk in talks:
        seqs = sorted(row["seq"] for row in found if row["conversation_id"] == talk)
        assert seqs == list(range(1, 41))
    assert await pg.fetchval(OPEN) == 0
    told = "select count(*) from user_events where event_type = 'message.scheduled_changed'"
    assert await pg.fetchval(told) == 120


async def test_who_dies_between_sending_and_marking_has_sent_nothing(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice = await user(pg)
    talk = await conversation(pg, alice)
    message_id = await due(pg, talk, alice)
    async with database(settings, 2) as db:
        with pytest.raises(KilledError):
            await die_before_marking(db)
        assert await count(pg, "messages") == 0
        await worker(db).turn()
        await worker(db).turn()
    assert await pg.fetchval("select array_agg(message_id) from messages") == [message_id]
    assert await pg.fetchval(OPEN) == 0


async def test_what_was_sent_and_not_marked_is_marked_and_not_sent_again(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """As by a node that did it in two transactions, or by the sender, with the same id."""
    alice = await user(pg)
    talk = await conversation(pg, alice)
    message_id = await due(pg, talk, alice)
    async with database(settings, 2) as db:
        async with db.tx() as tx:
            assert await send(tx, await tx.all(DUE, batch=5, passed_by=[]), KEY) == [None]
        assert await pg.fetchval(OPEN) == 1
        await worker(db).turn()
    assert await pg.fetchval("select array_agg(message_id) from messages") == [message_id]
    assert await pg.fetchval("select last_seq from conversations") == 1
    assert await pg.fetchval(OPEN) == 0


async def test_what_another_node_holds_is_passed_by(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice = await user(pg)
    talk = await conversation(pg, alice)
    await due(pg, talk, alice)
    async with database(settings, 2) as db, db.tx() as tx:
        held = await tx.all(DUE, batch=1, passed_by=[])
        second = await due(pg, talk, alice)
        await worker(db).turn()
        assert await pg.fetchval("select array_agg(message_id) from messages") == [second]
        await mark(tx, held, ["blocked"])
    assert await pg.fetchval(
        "select array_agg(error) from scheduled_messages where error <> ''"
    ) == ["blocked"]


async def test_one_that_cannot_be_sent_does_not_hold_up_the_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice, stranger = await user(pg), await user(pg)
    talk = await conversation(pg, alice)
    broken = await due(pg, talk, alice, '{"content": ""}')
    outside = await due(pg, talk, stranger)
    rest = [await due(pg, talk, alice) for _ in range(5)]
    async with database(settings, 2) as db:
        await worker(db).turn()
    rows = await pg.fetch("select message_id from messages order by seq")
    assert [row["message_id"] for row in rows] == rest
    errors = await pg.fetch(
        "select message_id, error from scheduled_messages where sent_at is null"
    )
    assert {row["message_id"]: row["error"] for row in errors} == {
        broken: "internal",
        outside: "not_found conversation_id",
    }


async def test_a_conversation_that_others_hold_does_not_hold_up_the_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice = await user(pg)
    held, free = [await conversation(pg, alice) for _ in range(2)]
    waits = [await due(pg, held, alice) for _ in range(2)]
    at_once = [await due(pg, free, alice) for _ in range(2)]
    found = "select array_agg(message_id order by seq) from messages where conversation_id = $1"
    async with database(settings, lock_timeout_ms=100) as db:
        async with pg.transaction():
            await pg.execute(
                "select from conversations where conversation_id = $1 for update", held
            )
            await worker(db).turn()
            assert await pg.fetchval(found, free) == at_once
            assert await pg.fetchval(OPEN) == 2
        await worker(db).turn()
        assert await pg.fetchval(found, held) == waits
        assert await pg.fetchval(OPEN) == 0
