from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import Conflict, Internal, Invalid, LuminaError, Overloaded, Unavailable
from lumina_protocol.session import Hello

from lumina_rt.store import db as store
from lumina_rt.store import group_commit
from lumina_rt.store.db import Db, Emitted, Tx
from lumina_rt.store.group_commit import Grouped, Writers
from lumina_rt.store.queries import parse
from tests.store.relay import Relay

SAVE = parse(
    "t.save",
    """insert into notes (key, note) select * from unnest(:keys::uuid[], :notes::text[])
       on conflict (note) do update set tries = notes.tries + 1 returning tries""",
)
EVENT = Hello(
    server="t", node="t", time=0, auth_timeout_ms=1, heartbeat_ms=1, max_frame=1,
    max_frame_before_auth=1,
)  # fmt: skip
ONE, OTHER = UUID(int=0), UUID(int=1)
"""Of two lines, when there are two."""
REFUSED = "refuse me"


@dataclass
class Notes:
    """A write of the test's own: a note is kept, and its try is counted."""

    batches: list[list[str]] = field(default_factory=list)

    async def commit(self, tx: Tx, items: Sequence[tuple[UUID, str]]) -> list[int | LuminaError]:
        self.batches.append([note for _, note in items])
        kept = [item for item in items if item[1] != REFUSED]
        keys, notes = [key for key, _ in kept], [note for _, note in kept]
        tries = [row["tries"] for row in await tx.all(SAVE, keys=keys, notes=notes)]
        for key, note in kept:
            tx.emit(EVENT.model_copy(update={"server": note}), place=(key, 1), to=[key])
        return [Conflict() if note == REFUSED else tries.pop(0) for _, note in items]


@dataclass
class House:
    writers: Writers
    notes: Notes
    told: list[str]
    lock: asyncpg.Connection
    running: asyncio.Task[None]

    def save(self, note: str, key: UUID = ONE) -> asyncio.Future[int]:
        return self.writers.submit(self.writers.writes[0], (key, note))


@pytest.fixture
async def house(database_url: str, pg: asyncpg.Connection) -> AsyncIterator[House]:
    await pg.execute(
        "create table notes (key uuid, note text primary key, tries int not null default 1,"
        " constraint short check (length(note) < 100))"
    )
    notes = Notes()
    told: list[str] = []

    def publish(emitted: list[Emitted]) -> None:
        told.extend(str(MSGPACK.unpack(e.payload)[2]["server"]) for e in emitted)

    pool = await store.connect(database_url, size=4)
    writers = Writers(
        Db(pool, publish, "node#1"),
        max_batch=256,
        lines=2,
        writes=[Grouped(notes.commit, lambda item: item[0])],
    )
    running = asyncio.create_task(writers.run())
    try:
        yield House(writers, notes, told, pg, running)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await store.close(pool, within=5)


class Held:
    """While the block lasts, whoever writes a note waits. `waits` returns when somebody does."""

    def __init__(self, house: House) -> None:
        self.lock = house.lock
        self.transaction = house.lock.transaction()

    async def __aenter__(self) -> Held:
        await self.transaction.start()
        await self.lock.execute("lock table notes in exclusive mode")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.transaction.commit()

    async def waits(self, count: int = 1) -> None:
        asked = "select count(*) from pg_locks where relation = 'notes'::regclass and not granted"
        while await self.lock.fetchval(asked) < count:
            await asyncio.sleep(0.005)


async def test_what_comes_while_a_batch_is_under_way_is_the_next_batch(house: House) -> None:
    async with Held(house) as held:
        results = [house.save("a")]
        await held.waits()
        results += [house.save(note) for note in "bcd"]
    assert await asyncio.gather(*results) == [1, 1, 1, 1]
    assert house.notes.batches == [["a"], ["b", "c", "d"]]
    assert house.told == ["a", "b", "c", "d"]
    assert house.writers.waiting == 0


async def test_a_batch_is_no_larger_than_its_limit(house: House) -> None:
    house.writers.max_batch = 2
    await asyncio.gather(*(house.save(note) for note in "abcde"))
    assert house.notes.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_busy_line_does_not_hold_up_another(house: House) -> None:
    await house.save("held")
    async with house.lock.transaction():
        await house.lock.execute("select from notes where note = 'held' for update")
        waiting = house.save("held", ONE)
        assert await house.save("free", OTHER) == 1
        assert not waiting.done()
    assert await waiting == 2


async def test_what_the_commit_refuses_is_refused_alone(house: House) -> None:
    results = await asyncio.gather(
        *(house.save(note) for note in ("a", REFUSED, "b")), return_exceptions=True
    )
    assert results[::2] == [1, 1]
    assert isinstance(results[1], Conflict)
    assert house.told == ["a", "b"]


@pytest.mark.parametrize("bad", ["\0", "x" * 100, "lone \ud800 half"])
@pytest.mark.parametrize("place", [0, 3, 7])
async def test_what_the_store_does_not_take_fails_alone(house: House, bad: str, place: int) -> None:
    notes = list("abcdefgh")
    notes[place] = bad
    results = await asyncio.gather(*(house.save(note) for note in notes), return_exceptions=True)
    assert isinstance(results.pop(place), Invalid | Internal)
    assert results == [1] * 7
    del notes[place]
    assert house.told == notes


async def test_what_is_nobody_s_own_fault_fails_them_all_and_is_tried_once(house: House) -> None:
    await house.lock.execute("alter table notes rename to gone")
    results = await asyncio.gather(house.save("a"), house.save("b"), return_exceptions=True)
    assert [type(result) for result in results] == [Internal, Internal]
    causes = [result.__cause__ for result in results if isinstance(result, Internal)]
    assert isinstance(causes[0], asyncpg.UndefinedTableError)
    assert house.notes.batches == [["a", "b"]]
    await house.lock.execute("alter table gone rename to notes")
    assert await house.save("a") == 1


async def test_a_batch_whose_connection_breaks_is_done_again(house: House) -> None:
    async with Held(house) as held:
        results = [house.save("a"), house.save("b")]
        await held.waits()
        await house.lock.execute(
            "select pg_terminate_backend(pid) from pg_locks"
            " where relation = 'notes'::regclass and not granted"
        )
        await held.waits()
    assert await asyncio.gather(*results) == [1, 1]
    assert house.notes.batches == [["a", "b"]] * 2
    assert house.told == ["a", "b"]


async def test_a_commit_in_doubt_is_settled_by_doing_it_again(
    house: House, database_url: str, tmp_path: Path
) -> None:
    relay = Relay(tmp_path, database_url)
    await relay.start()
    direct, house.writers.db.pool = house.writers.db.pool, await store.connect(relay.url, size=1)
    relay.committed, relay.lose_commit_answers = b"INSERT 0 1\0", 1
    try:
        assert await house.save("a") == 2, "the second try finds what the first has done"
    finally:
        house.writers.db.pool.terminate()
        house.writers.db.pool = direct
        await relay.stop()
    assert house.told == ["a"]


async def test_while_the_store_is_away_all_are_told_to_wait(house: House) -> None:
    house.writers.db.pool.terminate()
    results = await asyncio.gather(house.save("a"), house.save("b"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert house.writers.waiting == 0


async def test_whoever_gives_up_does_not_stop_the_batch(house: House) -> None:
    async with Held(house) as held:
        impatient, patient = house.save("a"), house.save("b")
        await held.waits()
        impatient.cancel()
    assert await patient == 1
    assert await house.save("a") == 2
    assert house.told[:2] == ["a", "b"]


async def test_more_than_may_wait_are_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 2)
    async with Held(house):
        results = [house.save("a"), house.save("b")]
        with pytest.raises(Overloaded):
            house.save("c")
    assert await asyncio.gather(*results) == [1, 1]
    assert await house.save("c") == 1


async def test_a_node_that_stops_leaves_nobody_without_an_answer(house: House) -> None:
    async with Held(house) as held:
        under_way = house.save("a")
        await held.waits()
        waiting = house.save("b")
        house.running.cancel()
        await asyncio.wait([house.running])
    for result in (under_way, waiting):
        with pytest.raises(Unavailable):
            await result
    assert house.writers.waiting == 0
