from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import NotFound, Unavailable
from lumina_protocol.fields import uuid7
from lumina_protocol.session import Hello

from lumina_rt.store import db as store
from lumina_rt.store import migrate
from lumina_rt.store.db import Db, Emitted, StoreUnreachable
from lumina_rt.store.queries import parse
from tests.store.relay import SOCKET, Relay

SAVE = parse("t.save", "insert into notes (note) values (:note)")
FIND = parse("t.find", "select note from notes where note = :note")
LOCK = parse("t.lock", "select note from notes where note = :note for update")
EVENT = Hello(
    server="t", node="t", time=0, auth_timeout_ms=1, heartbeat_ms=1, max_frame=1,
    max_frame_before_auth=1,
)  # fmt: skip
SOMEBODY, TALK = uuid7(), uuid7()
PLACE = TALK, 1


@dataclass
class Told:
    """Where events go: `events` is what has left."""

    events: list[Emitted] = field(default_factory=list)

    def publish(self, emitted: list[Emitted]) -> None:
        self.events.extend(emitted)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def db(database_url: str, pg: asyncpg.Connection, told: Told) -> AsyncIterator[Db]:
    await pg.execute("create table notes (note text primary key)")
    pool = await store.connect(database_url, size=2)
    try:
        yield Db(pool, told.publish)
    finally:
        await store.close(pool, within=5)


@pytest.fixture
async def relay(database_url: str, db: Db, tmp_path: Path) -> AsyncIterator[Relay]:
    """After this, the pool of `db` reaches Postgres through the relay."""
    relay = Relay(tmp_path, database_url)
    await relay.start()
    direct, db.pool = db.pool, await store.connect(relay.url, size=1)
    try:
        yield relay
    finally:
        db.pool.terminate()
        db.pool = direct
        await relay.stop()


async def save(db: Db, note: str, then: type[Exception] | None = None) -> None:
    """A write that tells somebody, and then raises if asked to."""
    async with db.tx() as tx:
        await tx.run(SAVE, note=note)
        tx.emit(EVENT, place=PLACE, to=[SOMEBODY])
        if then:
            raise then


async def notes(pg: asyncpg.Connection) -> list[str]:
    return [row["note"] for row in await pg.fetch("select note from notes order by note")]


async def test_events_leave_in_order_after_the_commit_and_not_before(
    db: Db, told: Told, pg: asyncpg.Connection
) -> None:
    async with db.tx() as tx:
        tx.emit(EVENT, place=PLACE, to=[SOMEBODY])
        await tx.run(SAVE, note="kept")
        again, blind = iter([SOMEBODY, SOMEBODY]), iter([TALK])
        tx.emit(EVENT.model_copy(update={"time": 1}), place=(TALK, 2), to=again, blind=blind)
        assert told.events == []
        assert await notes(pg) == []
    later = EVENT.model_copy(update={"time": 1})
    assert told.events == [
        Emitted((SOMEBODY,), MSGPACK.event(EVENT), (TALK, 1)),
        Emitted((SOMEBODY, SOMEBODY), MSGPACK.event(later), (TALK, 2), (TALK,)),
    ]
    assert await notes(pg) == ["kept"]


async def test_nothing_is_published_when_there_are_no_events(db: Db) -> None:
    calls: list[object] = []
    async with Db(db.pool, calls.append).tx() as tx:
        await tx.run(SAVE, note="kept")
    assert calls == []


async def test_no_event_leaves_when_the_block_raises(
    db: Db, told: Told, pg: asyncpg.Connection
) -> None:
    with pytest.raises(NotFound):
        await save(db, "undone", then=NotFound)
    assert (told.events, await notes(pg)) == ([], [])


async def test_no_event_leaves_when_the_block_is_cancelled(
    db: Db, told: Told, pg: asyncpg.Connection
) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with db.tx() as tx:
            await tx.run(SAVE, note="undone")
            tx.emit(EVENT, place=PLACE, to=[SOMEBODY])
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (told.events, await notes(pg)) == ([], [])


async def test_no_event_leaves_when_the_commit_itself_fails(
    db: Db, told: Told, pg: asyncpg.Connection
) -> None:
    await pg.execute(
        "alter table notes add follows text references notes deferrable initially deferred;"
        "alter table notes alter follows set default 'nothing'"
    )
    with pytest.raises(NotFound):
        await save(db, "undone")
    assert (told.events, await notes(pg)) == ([], [])


async def test_a_commit_in_doubt_is_unavailable_and_tells_nobody(
    db: Db, told: Told, pg: asyncpg.Connection, relay: Relay
) -> None:
    relay.lose_commit_answers = 1
    with pytest.raises(Unavailable):
        await save(db, "in doubt")
    assert told.events == []
    assert await notes(pg) == ["in doubt"], "it was committed; only a retry can find that out"


async def test_events_leave_although_the_connection_breaks_after_the_commit(
    db: Db, told: Told, pg: asyncpg.Connection, relay: Relay
) -> None:
    relay.cut_after_commit = True
    await save(db, "kept")
    assert [emitted.to for emitted in told.events] == [(SOMEBODY,)]
    assert await notes(pg) == ["kept"]


async def test_the_only_row_the_row_if_any_and_all_rows(db: Db) -> None:
    async with db.tx() as tx:
        with pytest.raises(LookupError, match=r"t\.find found no row"):
            await tx.one(FIND, note="a")
        assert await tx.maybe(FIND, note="a") is None
        assert await tx.all(FIND, note="a") == []
        await tx.run(SAVE, note="a")
        assert (await tx.one(FIND, note="a"))["note"] == "a"
        assert [row["note"] for row in await tx.all(FIND, note="a")] == ["a"]


async def test_reads_see_the_newest_commits(db: Db, pg: asyncpg.Connection) -> None:
    async with db.read() as tx:
        assert await tx.maybe(FIND, note="new") is None
        await pg.execute("insert into notes values ('new')")
        assert await tx.maybe(FIND, note="new") is not None


@pytest.mark.parametrize("way", ["tx", "read"])
async def test_a_killed_connection_is_unavailable_for_now_and_the_next_one_works(
    db: Db, told: Told, pg: asyncpg.Connection, way: str
) -> None:
    async def write_while_being_killed() -> None:
        async with (db.tx if way == "tx" else db.read)() as tx:
            await pg.execute("select pg_terminate_backend($1)", tx.conn.get_server_pid())
            tx.emit(EVENT, place=PLACE, to=[SOMEBODY])
            await tx.run(SAVE, note="undone")

    with pytest.raises(Unavailable) as refused:
        await write_while_being_killed()
    assert refused.value.body.temporary
    assert refused.value.body.retry_after_ms == 1000
    assert (told.events, await notes(pg)) == ([], [])
    await save(db, "kept")
    assert await notes(pg) == ["kept"]


async def test_connections_that_were_killed_while_idle_are_replaced(
    db: Db, pg: asyncpg.Connection
) -> None:
    async with db.read(), db.read():
        pass  # now both connections are open
    ended = await pg.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and application_name = 'lumina'"
    )
    assert len(ended) == 2
    with suppress(Unavailable):  # what the kernel has not told us of yet may be met once
        await save(db, "first")
    async with db.tx() as one, db.tx() as two:
        await one.maybe(FIND, note="a")
        await two.maybe(FIND, note="a")


async def test_a_lock_that_somebody_holds_is_unavailable_after_a_second(
    db: Db, pg: asyncpg.Connection
) -> None:
    await pg.execute("insert into notes values ('busy')")
    clock = asyncio.get_running_loop().time
    async with pg.transaction():
        await pg.execute("select from notes for update")
        began = clock()
        with pytest.raises(Unavailable):
            async with db.tx() as tx:
                await tx.run(LOCK, note="busy")
        assert 0.9 < clock() - began < 4
    async with db.tx() as tx:
        await tx.one(LOCK, note="busy")


async def test_a_statement_that_takes_too_long_is_unavailable(db: Db, told: Told) -> None:
    async def dawdle() -> None:
        async with db.tx() as tx:
            tx.emit(EVENT, place=PLACE, to=[SOMEBODY])
            await tx.conn.execute("set local statement_timeout = 20")
            await tx.run(parse("t.sleep", "select pg_sleep(10)"))

    with pytest.raises(Unavailable):
        await dawdle()
    assert told.events == []


async def test_a_postgres_that_became_a_standby_is_unavailable_for_writes(
    db: Db, pg: asyncpg.Connection
) -> None:
    name = await pg.fetchval("select current_database()")
    await pg.execute(f"alter database {name} set default_transaction_read_only = on")
    await db.pool.expire_connections()
    with pytest.raises(Unavailable):
        await save(db, "refused")
    async with db.read() as tx:
        assert await tx.all(FIND, note="refused") == []


@pytest.mark.parametrize("value", [2**63, "1"])
async def test_a_wrong_argument_is_a_fault_of_ours_and_not_of_the_database(
    db: Db, value: object
) -> None:
    """As Unavailable, the client would try it again for ever."""

    async def ask() -> None:
        async with db.tx() as tx:
            await tx.maybe(parse("t.t", "select :n::bigint"), n=value)

    with pytest.raises(asyncpg.DataError):
        await ask()


async def test_json_goes_in_and_out_as_values(db: Db) -> None:
    value = {"a": [1, None, "ü"], "b": {"c": 1.5}}
    async with db.read() as tx:
        row = await tx.one(parse("t.t", "select :v::jsonb as v, :v::jsonb->'b' as b"), v=value)
    assert (row["v"], row["b"]) == (value, {"c": 1.5})


async def test_a_lock_is_waited_for_as_long_as_the_setting_says(database_url: str) -> None:
    pool = await store.connect(database_url, size=1, lock_timeout_ms=250)
    try:
        assert await pool.fetchval("show lock_timeout") == "250ms"
    finally:
        await pool.close()


async def test_connections_have_their_limits_set(db: Db) -> None:
    wanted = {
        "application_name": "lumina",
        "statement_timeout": "5s",
        "jit": "off",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "10s",
        "transaction_isolation": "read committed",
    }
    async with db.tx() as tx:
        assert {name: await tx.conn.fetchval(f"show {name}") for name in wanted} == wanted


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://lumina@/lumina?host={folder}", "No such file"),
        ("postgresql://lumina:hunter2@127.0.0.1:1/lumina", "Errno 111"),
        ("postgresql://lumina:hunter2@127.0.0.1:port/lumina", "no host or port that can be read"),
        ("postgresql://lumina:hunter2/lumina", "no host or port that can be read"),
        ("postgresql://lumina:hunter2@[::1/lumina", "no host or port that can be read"),
        ("postgresql://lumina:hunter2@127.0.0.1/lumina?sslmode=maybe", "`sslmode` parameter must"),
    ],
)
async def test_why_postgres_cannot_be_reached_is_told_in_a_sentence_without_the_password(
    tmp_path: Path, url: str, why: str
) -> None:
    asked = url.format(folder=tmp_path)
    for attempt in (store.connect(asked, size=1), migrate.check(asked), migrate.migrate(asked)):
        with pytest.raises(StoreUnreachable) as refused:
            await attempt
        assert why in str(refused.value)
        assert "hunter2" not in "".join(traceback.format_exception(refused.value))


async def test_a_postgres_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CONNECT_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / SOCKET))
        silent.listen()
        with pytest.raises(StoreUnreachable, match="TimeoutError"):
            await store.connect(f"postgresql://lumina@/lumina?host={tmp_path}", size=1)


async def test_a_database_that_is_not_there_is_told_in_a_sentence(database_url: str) -> None:
    url = urlsplit(database_url)._replace(path="/nosuch").geturl()
    with pytest.raises(StoreUnreachable, match='database "nosuch" does not exist'):
        await store.connect(url, size=1)


async def test_closing_lets_a_query_end_but_not_for_longer_than_was_said(db: Db) -> None:
    asked = asyncio.Event()

    async def ask() -> None:
        async with db.read() as tx:
            asked.set()
            await tx.conn.fetchval("select pg_sleep(4)")

    task = asyncio.create_task(ask())
    await asked.wait()
    await store.close(db.pool, within=0.05)
    with pytest.raises(Unavailable):
        await task
