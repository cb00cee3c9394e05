from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import structlog.testing
from lumina_protocol.errors import Unavailable

from lumina_rt.config import Settings
from lumina_rt.store import facts
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.partitions import Partitions
from tests.house import nodes
from tests.workers.rows import add, count, database, post, user

Log = list[MutableMapping[str, Any]]
PARENTS = ["audit_log", "op_keys", "outbox", "post_analytics", "post_views", "posts"]
BOUND = re.compile(r"FROM \('(.*)'\) TO \('(.*)'\)")


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[Partitions]:
    async with database(settings) as db:
        yield Partitions(db, Telemetry("test"))


@pytest.fixture
def logged() -> Iterator[Log]:
    with structlog.testing.capture_logs() as entries:
        yield entries


async def parts(pg: asyncpg.Connection, parent: str) -> dict[str, tuple[str, str]]:
    """Names, and from where to where, but for the default part; in UTC."""
    await pg.execute("set timezone = 'UTC'")
    await pg.execute("set datestyle = 'ISO'")
    rows = await pg.fetch(
        "select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i "
        "join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::text::regclass order by 1",
        parent,
    )
    found = {row["relname"]: BOUND.search(row["bound"]) for row in rows}
    return {name: (match[1], match[2]) for name, match in found.items() if match}


async def strays(pg: asyncpg.Connection) -> dict[str, int]:
    rows = await pg.fetch("select * from partition_default_rows() where strays > 0")
    return {row["parent"]: row["strays"] for row in rows}


async def say(pg: asyncpg.Connection, at: datetime) -> None:
    """A row of the outbox of that moment."""
    await add(pg, "outbox", node_id="n", user_ids=[], created_at=at)


async def test_what_will_be_needed_is_made_and_a_second_round_makes_nothing(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    at = datetime(2031, 12, 31, 22, 30, tzinfo=UTC)
    async with worker(settings) as one:
        await one.turn(at)
        made = {parent: await parts(pg, parent) for parent in PARENTS}
        await one.turn(at)
        assert made == {parent: await parts(pg, parent) for parent in PARENTS}
    new = {
        parent: [name for name in found if name > f"{parent}_2031_11"]
        for parent, found in made.items()
    }
    assert new["outbox"] == [
        *(f"outbox_2031_12_31_{hour}" for hour in (21, 22, 23)),
        *(f"outbox_2032_01_01_0{hour}" for hour in (0, 1, 2)),
    ]
    assert new["posts"] == ["posts_2031_12", "posts_2032_01", "posts_2032_02", "posts_2032_03"]
    assert new["op_keys"] == [
        "op_keys_2031_12_22", "op_keys_2031_12_29", "op_keys_2032_01_05", "op_keys_2032_01_12"
    ]  # fmt: skip
    assert made["audit_log"]["audit_log_2032_02"] == (
        "2032-02-01 00:00:00+00", "2032-03-01 00:00:00+00"
    )  # fmt: skip
    assert made["post_views"]["post_views_2032_02"] == ("2032-02-01", "2032-03-01")
    week = [uuid_time(bound) for bound in made["op_keys"]["op_keys_2031_12_29"]]
    assert week == [datetime(2031, 12, 29, tzinfo=UTC), datetime(2032, 1, 5, tzinfo=UTC)]


def uuid_time(bound: str) -> datetime:
    return datetime.fromtimestamp(int(bound.replace("-", "")[:12], 16) / 1000, UTC)


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("America/New_York", datetime(2031, 3, 9, 6, 30, tzinfo=UTC)),  # its clocks go forward
        ("America/New_York", datetime(2031, 11, 2, 5, 30, tzinfo=UTC)),  # an hour comes twice
        ("Asia/Tokyo", datetime(2032, 2, 29, 20, 30, tzinfo=UTC)),  # there it is March already
        ("Pacific/Kiritimati", datetime(2032, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
async def test_parts_are_those_of_utc_wherever_the_server_is(
    settings: Settings, pg: asyncpg.Connection, zone: str, at: datetime
) -> None:
    await pg.execute(f"set timezone = '{zone}'")
    await pg.execute("set datestyle = 'SQL, DMY'")
    day, who = (at + timedelta(days=120)).date().replace(day=1), await user(pg)
    await add(pg, "post_views", post_id=who, user_id=who, day=day)
    await pg.fetch("select make_partitions($1)", at)
    assert await strays(pg) == {}, "what strayed is at home"
    zoned = {parent: await parts(pg, parent) for parent in PARENTS}
    assert f"post_views_{day:%Y_%m}" in zoned["post_views"]
    for hour in range(-1, 5):
        moment = at + timedelta(hours=hour)
        name = f"outbox_{moment:%Y_%m_%d_%H}"
        assert zoned["outbox"][name][0] == f"{moment:%Y-%m-%d %H}:00:00+00"
    await pg.execute(f"set timezone = '{zone}'")
    await pg.execute("set datestyle = 'SQL, DMY'")
    dropped = await pg.fetch("select drop_partitions($1) as part", at + timedelta(hours=3))
    names = {row["part"] for row in dropped}
    assert f"outbox_{at + timedelta(hours=1):%Y_%m_%d_%H}" in names
    assert f"outbox_{at + timedelta(hours=2):%Y_%m_%d_%H}" not in names


async def test_each_moment_has_its_part_from_the_first_to_the_last_microsecond(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    at = datetime(2032, 2, 28, 23, 30, tzinfo=UTC)
    async with worker(settings) as one:
        await one.turn(at)
    edge = datetime(2032, 2, 29, 1, tzinfo=UTC)
    await say(pg, edge)
    await say(pg, edge - timedelta(microseconds=1))
    assert await count(pg, "outbox_2032_02_29_01") == 1
    assert await count(pg, "outbox_2032_02_29_00") == 1


async def test_the_outbox_keeps_at_least_an_hour(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    at = datetime(2031, 5, 1, 10, 0, tzinfo=UTC)
    async with worker(settings) as one:
        await one.turn(at)
        await say(pg, at)
        await one.turn(at + timedelta(hours=1, minutes=59))
        assert "outbox_2031_05_01_10" in await parts(pg, "outbox")
        await one.turn(at + timedelta(hours=2))
        assert "outbox_2031_05_01_10" not in await parts(pg, "outbox")
        assert "outbox_2031_05_01_11" in await parts(pg, "outbox")
    assert await count(pg, "outbox") == 0


async def test_what_others_refer_to_is_never_dropped(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await post(pg, await user(pg))
    await pg.execute("update partition_rules set keep = '1 second'")
    before = await parts(pg, "posts")
    async with worker(settings) as one:
        await one.turn(datetime(2040, 1, 1, tzinfo=UTC))
    assert before.items() <= (await parts(pg, "posts")).items()
    assert await count(pg, "posts") == 1
    assert "audit_log_2039_11" not in await parts(pg, "audit_log")


async def test_made_and_dropped_parts_are_logged_by_name(settings: Settings, logged: Log) -> None:
    async with worker(settings) as one:
        await one.turn(datetime(2031, 5, 1, 10, tzinfo=UTC))
        logged.clear()
        await one.turn(datetime(2031, 5, 1, 13, tzinfo=UTC))
        made, dropped = logged
    assert made["event"] == "partitions made"
    assert made["parts"] == [f"outbox_2031_05_01_{hour}" for hour in (15, 16, 17)]
    assert dropped["event"] == "partitions dropped"
    assert dropped["parts"] == [f"outbox_2031_05_01_{hour:02}" for hour in (9, 10, 11)]


async def test_of_two_makers_one_makes_and_the_other_is_not_held_up(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    at = datetime(2031, 5, 1, 10, tzinfo=UTC)
    async with worker(settings) as one:
        async with pg.transaction():
            assert len(await pg.fetch("select make_partitions($1)", at)) > 20
            async with asyncio.timeout(0.9):  # a lock would be waited for until lock_timeout, 1 s
                await one.make(at)
                await one.drop(at)
            assert logged == []
        await one.make(at)
        assert logged == [], "all of it was made"
        await one.drop(at)
        assert [line["event"] for line in logged] == ["partitions dropped"]


async def test_a_node_that_starts_waits_for_the_one_that_makes(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await pg.execute("drop table outbox_default")
    for name in await parts(pg, "outbox"):
        await pg.execute(f"drop table {name}")
    async with worker(settings) as one, worker(settings) as two:
        await pg.execute("begin")
        await pg.fetch("select make_partitions()")
        waiting = [asyncio.create_task(each.prepare()) for each in (one, two)]
        done, _ = await asyncio.wait(waiting, timeout=0.2)
        assert not done
        await pg.execute("commit")
        await asyncio.gather(*waiting)
    await say(pg, datetime.now(UTC))
    assert await count(pg, "outbox") == 1


async def test_a_lock_on_one_table_keeps_the_others_from_nothing(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    at = datetime(2031, 5, 1, 10, tzinfo=UTC)
    async with worker(settings) as one:
        async with pg.transaction():
            await pg.execute("lock table audit_log in share row exclusive mode")
            await pg.execute("lock table post_analytics_default in access share mode")
            await one.turn(at)
            assert "outbox_2031_05_01_10" in await parts(pg, "outbox")
            assert "audit_log_2031_05" not in await parts(pg, "audit_log")
            assert "post_analytics_2031_05" not in await parts(pg, "post_analytics")
        await one.turn(at)
        assert "audit_log_2031_05" in await parts(pg, "audit_log")
        assert "post_analytics_2031_05" in await parts(pg, "post_analytics")
        async with pg.transaction():
            await pg.execute("lock table outbox in access share mode")
            await one.turn(at + timedelta(days=800))
            assert "outbox_2031_05_01_10" in await parts(pg, "outbox")
            assert "audit_log_2031_05" not in await parts(pg, "audit_log")
        await one.turn(at + timedelta(days=800))
        assert "outbox_2031_05_01_10" not in await parts(pg, "outbox")


async def test_postgres_that_is_busy_does_not_keep_a_node_from_starting(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    async with worker(settings) as one, pg.transaction():
        await pg.execute("select pg_advisory_xact_lock(hashtext('lumina.partitions'))")
        await one.prepare()
        (line,) = logged
    assert (line["event"], line["task"]) == ("background task failed", "partitions")


async def test_rows_that_strayed_come_home_and_are_counted_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    who = await user(pg)
    future = datetime(2031, 5, 1, 10, 30, tzinfo=UTC)
    for minutes in (0, 90, 300):
        await say(pg, future + timedelta(minutes=minutes))
    await add(pg, "post_views", post_id=who, user_id=who, day=future.date())
    await add(pg, "audit_log", at=future, table_name="t", op="insert", row_key="k")
    op = await pg.fetchval("select uuid7_floor($1)", future)
    await add(pg, "op_keys", user_id=who, op_id=op, op="x", digest=bytes(16))
    deltas = await count(pg, "counter_deltas")
    assert await strays(pg) == {"audit_log": 1, "op_keys": 1, "outbox": 3, "post_views": 1}
    async with worker(settings) as one:
        await one.turn()
    assert await strays(pg) == {}
    assert [await count(pg, f"outbox_2031_05_01_{hour}") for hour in (10, 12, 15)] == [1, 1, 1]
    assert await count(pg, "op_keys_2031_04_28") == 1
    assert await count(pg, "post_views_2031_05") == 1
    assert await count(pg, "audit_log_2031_05") == 1
    assert await count(pg, "counter_deltas") == deltas
    await say(pg, future)
    ids = [row[0] for row in await pg.fetch("select outbox_id from outbox")]
    assert len(set(ids)) == 4, "its numbers go on"


async def stray_post(pg: asyncpg.Connection, at: datetime) -> None:
    await pg.execute("alter table posts disable trigger refuse_unbelievable_id")
    await pg.execute(
        "insert into posts (post_id, user_id, post_type) values (uuid7_floor($1), $2, 'text')",
        at, await user(pg),
    )  # fmt: skip


async def test_posts_that_strayed_stay_and_keep_nothing_else_from_being_made(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    at = datetime(2031, 5, 20, 10, tzinfo=UTC)
    await stray_post(pg, at)
    async with worker(settings) as one:
        await one.turn(at)
        told = [line for line in logged if line["log_level"] == "error"]
        strays_gauge = one.telemetry.registry.get_sample_value
        assert strays_gauge("lumina_partition_strays", {"parent": "posts"}) == 1
        assert strays_gauge("lumina_partition_strays", {"parent": "outbox"}) == 0
        found = await parts(pg, "posts")
        assert "posts_2031_05" not in found
        assert {"posts_2031_04", "posts_2031_06", "posts_2031_07", "posts_2031_08"} <= found.keys()
        assert "outbox_2031_05_20_10" in await parts(pg, "outbox")
        assert await count(pg, "posts") == 1
        (line,) = told
        assert (line["parent"], line["rows"]) == ("posts", 1)
        assert "lumina doctor" in str(line["event"])
        await pg.execute("delete from posts")
        await one.turn(at)
        assert strays_gauge("lumina_partition_strays", {"parent": "posts"}) == 0
        assert "posts_2031_05" in await parts(pg, "posts")


async def test_doctor_tells_of_rows_that_strayed_and_a_node_starts_with_them(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await stray_post(pg, datetime(2031, 5, 20, 10, tzinfo=UTC))
    async with database(settings) as db:
        found = await facts.examine(db.pool, production=False, code="0.1.0")
    (told,) = [finding for finding in found if finding.what.startswith("partitions")]
    assert (told.what, told.value, told.fatal) == ("partitions of posts", "1 rows astray", False)
    assert "posts_default" in told.problem
    async with nodes(settings, 1) as (node,):
        assert node.telemetry.metrics()


async def test_a_node_makes_its_parts_before_it_listens(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    kept = await parts(pg, "outbox")
    for name in kept:
        await pg.execute(f"drop table {name}")
    async with nodes(settings, 1):
        assert await parts(pg, "outbox")


async def test_an_outage_is_told(settings: Settings, pg: asyncpg.Connection) -> None:
    async with worker(settings) as one:
        name = await pg.fetchval("select current_database()")
        await pg.execute(f"alter database {name} connection limit 0")  # not for superusers
        await pg.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'lumina' and datname = current_database()"
        )
        with pytest.raises(Unavailable):
            await one.turn()


async def test_the_writer_makes_parts_and_may_not_change_tables(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with worker(settings) as one:
        await one.turn(datetime(2031, 5, 1, 10, tzinfo=UTC))
        async with one.db.read() as tx:
            assert await tx.conn.fetchval("select current_user") == "lumina_writer"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await tx.conn.execute("drop table outbox_2031_05_01_10")
    assert "outbox_2031_05_01_10" in await parts(pg, "outbox")
