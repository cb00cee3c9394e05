"""The tail of the outbox: what did not come by the bus is told, and it is known when all was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.codec import MSGPACK, Codec
from lumina_protocol.conversations import ConversationLeft
from lumina_protocol.fields import uuid7

from lumina_rt.app import changes_in
from lumina_rt.bus.entry import Place
from lumina_rt.config import Settings
from lumina_rt.gate import Gate
from lumina_rt.handlers.resume import NOW
from lumina_rt.hub import Hub
from lumina_rt.store.db import KEEP, Db, Tx
from lumina_rt.streams import own_stream
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers import tail as module
from lumina_rt.workers.tail import Tail
from tests.workers.rows import database, user

LIMIT_S = 5


@dataclass(eq=False)
class Session:
    """A receiver that keeps where what it got belongs."""

    codec: Codec = MSGPACK
    got: list[Place] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, frame: bytes, place: Place) -> None:
        self.got.append(place)
        self.more.set()

    def whisper(self, frame: bytes) -> bool:
        raise AssertionError("nobody whispers here")

    def login_ended(self, session_id: UUID) -> None:
        raise AssertionError("no login ends here")

    def outnumbered(self) -> None:
        raise AssertionError("there is one session only")


@dataclass
class House:
    """Whose bus loses everything."""

    db: Db
    gate: Gate
    tail: Tail
    alice: UUID
    session: Session
    settled: list[tuple[str, int]] = field(default_factory=list)
    """Of each name, how much alice had had by then."""

    async def look(self) -> str:
        """The transaction below which is all that a read of before has seen."""
        async with self.db.read() as tx:
            return str((await tx.one(NOW))["xid"])

    def when_told(self, xid: str, name: str = "all") -> None:
        self.tail.when_told(xid, lambda: self.settled.append((name, len(self.session.got))))

    @asynccontextmanager
    async def filling(self) -> AsyncIterator[None]:
        """While the block lasts, the gate reads what is missing."""
        running = asyncio.create_task(self.gate.run())
        yield
        running.cancel()
        await asyncio.wait([running])

    async def has(self, *revs: int) -> None:
        async with asyncio.timeout(LIMIT_S):
            while len(self.session.got) < len(revs):
                self.session.more.clear()
                await self.session.more.wait()
        assert self.session.got == [(own_stream(self.alice), rev) for rev in revs]


async def keep(tx: Tx, user_id: UUID) -> None:
    event = ConversationLeft(conversation_id=uuid7(), rev=1)
    body = event.model_dump(mode="json", exclude={"user_rev"})
    await tx.all(KEEP, user_ids=[user_id], event_type=event.type, body=body, node_id="two#1")


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with database(settings, size=4) as db:
        telemetry = Telemetry("test")
        hub, session, alice = Hub(lambda codec, data: data, 9, telemetry), Session(), await user(pg)
        hub.join(alice, session)
        gate = Gate(hub, changes_in(db.pool), telemetry)
        tail = Tail(db, gate, lambda: False)
        await tail.begin()
        yield House(db, gate, tail, alice, session)


async def test_what_a_look_has_seen_has_passed_before_it_is_settled(house: House) -> None:
    async with house.db.tx() as tx:
        await keep(tx, house.alice)
    house.when_told(await house.look())
    assert house.settled == []
    await house.tail.turn()
    assert house.settled == [], "the gate has not read it yet"
    async with house.filling():
        await house.has(1)
    await house.tail.turn()
    assert house.settled == [("all", 1)]


async def test_where_nothing_happens_it_is_settled_at_the_next_turn(house: House) -> None:
    house.when_told(await house.look())
    await house.tail.turn()
    assert house.settled == [("all", 0)]
    await house.tail.turn()
    assert house.settled == [("all", 0)], "once"


async def test_while_an_older_transaction_is_open_what_was_seen_has_not_passed(
    house: House, pg: asyncpg.Connection
) -> None:
    bob = await user(pg)
    async with house.filling():
        async with house.db.tx() as slow:
            await keep(slow, bob)
            async with house.db.tx() as quick:
                await keep(quick, house.alice)
            house.when_told(await house.look())
            for _ in range(3):
                await house.tail.turn()
            assert (house.settled, house.session.got) == ([], [])
        await house.tail.turn()
        await house.has(1)
        await house.tail.turn()
    assert house.settled == [("all", 1)]


async def test_what_began_after_the_look_is_not_waited_for(house: House) -> None:
    seen = await house.look()
    async with house.db.tx() as later:
        await keep(later, house.alice)
        house.when_told(seen)
        await house.tail.turn()
        assert house.settled == [("all", 0)]


async def test_each_waits_for_its_own_look_only(house: House, pg: asyncpg.Connection) -> None:
    first, bob = await house.look(), await user(pg)
    async with house.db.tx() as slow:
        await keep(slow, bob)
        async with house.db.tx() as quick:
            await keep(quick, house.alice)
        house.when_told(await house.look(), "second")
        house.when_told(first, "first")
        await house.tail.turn()
        assert house.settled == [("first", 0)]
    async with house.filling():
        await house.tail.turn()
        await house.has(1)
    await house.tail.turn()
    assert house.settled == [("first", 0), ("second", 1)]


async def test_what_is_left_to_the_bus_for_a_moment_is_waited_for(house: House) -> None:
    house.tail.bus_is_well = lambda: True
    async with house.db.tx() as tx:
        await keep(tx, house.alice)
    house.when_told(await house.look())
    await house.tail.turn()
    assert (house.settled, house.gate.is_filling) == ([], False), "it is too young to be told"
    house.tail.bus_is_well = lambda: False
    async with house.filling():
        await house.tail.turn()
        await house.has(1)
    await house.tail.turn()
    assert house.settled == [("all", 1)]


async def test_while_there_is_more_to_read_nothing_is_settled(
    house: House, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT", 2)
    bob = await user(pg)
    for user_id in (bob, bob, house.alice):
        async with house.db.tx() as tx:
            await keep(tx, user_id)
    house.when_told(await house.look())
    async with house.filling():
        assert await house.tail.turn()
        assert (house.settled, house.gate.is_filling) == ([], False)
        assert not await house.tail.turn()
        await house.has(1)
    await house.tail.turn()
    assert house.settled == [("all", 1)]


async def test_who_is_not_here_is_not_read_for(house: House, pg: asyncpg.Connection) -> None:
    async with house.db.tx() as tx:
        await keep(tx, await user(pg))
    await house.tail.turn()
    assert not house.gate.is_filling
