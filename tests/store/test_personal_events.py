"""What is told to users in their own streams: numbered without holes, kept, and referred to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from json import loads
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import ConversationLeft
from lumina_protocol.errors import NotFound
from lumina_protocol.fields import uuid7

from lumina_rt.store import db as store
from lumina_rt.store.db import Db, Emitted
from lumina_rt.streams import own_stream

NODE = "one#1"


@dataclass
class House:
    db: Db
    pg: asyncpg.Connection
    users: list[UUID]
    told: list[Emitted] = field(default_factory=list)

    async def tell(self, *users: UUID, event: ConversationLeft | None = None) -> None:
        async with self.db.tx() as tx:
            tx.tell(event or left(), to=users)

    async def kept(self) -> dict[UUID, list[int]]:
        rows = await self.pg.fetch("select user_id, rev from user_events order by user_id, rev")
        found: dict[UUID, list[int]] = {}
        for row in rows:
            found.setdefault(row["user_id"], []).append(row["rev"])
        return found

    async def referred_to(self) -> list[tuple[UUID, int]]:
        rows = await self.pg.fetch(
            "select unnest(user_ids) as user_id, unnest(user_revs) as rev from outbox"
            " where node_id = $1 and conversation_id is null order by outbox_id",
            NODE,
        )
        return [(row["user_id"], row["rev"]) for row in rows]


def left() -> ConversationLeft:
    return ConversationLeft(conversation_id=uuid7(), rev=1)


def numbered(event: ConversationLeft, rev: int) -> bytes:
    return MSGPACK.event(event.model_copy(update={"user_rev": rev}))


@pytest.fixture
async def house(database_url: str, pg: asyncpg.Connection) -> AsyncIterator[House]:
    users = sorted(uuid7() for _ in range(4))
    await pg.executemany(
        "insert into users (user_id, username, username_key, password_hash)"
        " values ($1, $2::text, $2::text, '')",
        [(user, f"user{number}") for number, user in enumerate(users)],
    )
    pool = await store.connect(database_url, size=8)
    told: list[Emitted] = []
    try:
        yield House(Db(pool, told.extend, NODE), pg, users, told)
    finally:
        await store.close(pool, within=5)


async def test_each_user_has_numbers_of_their_own_without_holes(house: House) -> None:
    alice, bob, *_ = house.users
    one, other = left(), left()
    await house.tell(alice, event=one)
    await house.tell(bob, alice, event=other)
    assert await house.kept() == {alice: [1, 2], bob: [1]}
    assert sorted(house.told, key=lambda emitted: emitted.place or ()) == [
        Emitted((alice,), numbered(one, 1), (own_stream(alice), 1)),
        Emitted((alice,), numbered(other, 2), (own_stream(alice), 2)),
        Emitted((bob,), numbered(other, 1), (own_stream(bob), 1)),
    ]
    streams = await house.pg.fetch("select last_rev from user_streams order by user_id")
    assert [row["last_rev"] for row in streams] == [2, 1, 0, 0]


async def test_what_is_kept_is_the_event_without_its_number(house: House) -> None:
    event = left()
    await house.tell(house.users[0], event=event)
    row = await house.pg.fetchrow("select event_type, body::text from user_events")
    assert row is not None
    assert row[0] == "conversation.left"
    assert loads(row[1]) == {"conversation_id": str(event.conversation_id), "rev": 1}


async def test_the_outbox_refers_to_it_in_one_row(house: House) -> None:
    alice, bob, carol, _ = house.users
    await house.tell(bob)
    await house.tell(carol, alice, bob)
    assert await house.referred_to() == [(bob, 1), (alice, 1), (bob, 2), (carol, 1)]
    assert await house.pg.fetchval("select count(*) from outbox") == 2


async def test_several_events_of_one_transaction_keep_their_order(house: House) -> None:
    alice, first, second = house.users[0], left(), left()
    async with house.db.tx() as tx:
        tx.tell(first, to=[alice])
        tx.tell(second, to=[alice])
        assert await house.kept() == {}
        assert house.told == []
    assert [emitted.payload for emitted in house.told] == [numbered(first, 1), numbered(second, 2)]


async def test_who_is_told_twice_is_told_once(house: House) -> None:
    alice = house.users[0]
    await house.tell(alice, alice)
    assert await house.kept() == {alice: [1]}
    assert len(house.told) == 1


async def test_nobody_is_nobody(house: House) -> None:
    await house.tell()
    await house.tell(uuid7())
    assert (await house.kept(), await house.referred_to(), house.told) == ({}, [], [])
    assert await house.pg.fetchval("select count(*) from outbox") == 0


async def test_what_is_undone_leaves_no_number_behind(house: House) -> None:
    alice = house.users[0]

    async def undo() -> None:
        async with house.db.tx() as tx:
            tx.tell(left(), to=[alice])
            await tx.keep_personal()
            raise NotFound

    with pytest.raises(NotFound):
        await undo()
    assert (await house.kept(), await house.referred_to(), house.told) == ({}, [], [])
    await house.tell(alice)
    assert await house.kept() == {alice: [1]}


async def test_who_is_told_by_many_at_once_waits_in_no_circle(house: House) -> None:
    """Each names the users in another order, so that locks taken in that order would meet."""
    users, rounds = house.users, 30
    orders = [users[turn % 4 :] + users[: turn % 4] for turn in range(rounds)]
    await asyncio.gather(*(house.tell(*order[:3]) for order in orders))
    expected = {user: sum(user in order[:3] for order in orders) for user in users}
    assert {user: len(revs) for user, revs in (await house.kept()).items()} == expected
    for user, revs in (await house.kept()).items():
        assert revs == list(range(1, expected[user] + 1))
    assert sorted(await house.referred_to()) == sorted(
        (user, rev) for user, revs in (await house.kept()).items() for rev in revs
    )
