"""What the generator fills a database with is such as the server itself would have left there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from loadtest.data import Scale, fill
from loadtest.errors import CannotStart
from lumina_rt.store.db import Db, connect
from lumina_rt.workers.counters import COUNTERS, Comparison, compare
from tests.cli.command import environment

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
TINY = Scale(300, 300, months=1, until=UNTIL)
SMALL = Scale(2000, 2000, months=3, until=UNTIL)

CONTENT = "select md5(coalesce(string_agg(t::text, '/' order by t::text), '')) from {table} t"

MISCOUNTED = """
select c.conversation_id from conversations c
left join (select conversation_id, count(*) as n, max(seq) as seq, max(rev) as rev
           from messages group by 1) m using (conversation_id)
left join (select conversation_id, max(rev) as rev from message_changes group by 1) h
    using (conversation_id)
where c.last_seq <> coalesce(m.seq, 0) or c.last_seq <> coalesce(m.n, 0)
   or c.last_rev <> greatest(m.rev, h.rev, 0)"""
REV_TWICE = """
select conversation_id, rev from (
    select conversation_id, rev from messages
    union all select conversation_id, rev from message_changes
) r group by 1, 2 having count(*) > 1"""
CHANGED_BEFORE_SENT = """
select h.rev from message_changes h join messages m using (conversation_id, seq)
where h.rev <= m.rev"""
OUT_OF_ORDER = """
select seq from (
    select seq, rev, created_at, lag(rev) over w as rev_before, lag(created_at) over w as before
    from messages window w as (partition by conversation_id order by seq)
) m where rev <= rev_before or created_at < before"""
STRANGERS = """
select m.seq from messages m
where not exists (select from membership_intervals i
                  where (i.conversation_id, i.user_id) = (m.conversation_id, m.sender_id)
                    and i.from_seq <= m.seq and (i.to_seq is null or m.seq < i.to_seq))"""
WITHOUT_ACCOUNT = """
select user_id from users
where user_id not in (select user_id from user_settings)
   or user_id not in (select user_id from user_streams)"""


async def content(pg: asyncpg.Connection, scale: Scale, url: str) -> dict[str, str]:
    """A digest of each table that was filled, with what was there before removed."""
    await pg.execute("truncate users, topics cascade")
    tables = [filled.table for filled in await fill(url, scale)]
    return {table: await pg.fetchval(CONTENT.format(table=table)) for table in tables}


async def test_the_same_seed_gives_the_same_rows_and_another_one_others(
    database_url: str, pg: asyncpg.Connection
) -> None:
    first = await content(pg, TINY, database_url)
    again = await content(pg, TINY, database_url)
    other = await content(pg, replace(TINY, seed=2), database_url)
    assert again == first
    assert [table for table in first if other[table] == first[table]] == []


async def test_rows_refer_to_rows_and_counters_and_numbers_are_right(
    database_url: str, pg: asyncpg.Connection
) -> None:
    filled = {one.table: one for one in await fill(database_url, SMALL, check_references=True)}
    assert filled["messages"].rows == filled["posts"].rows == 2000
    for table, one in filled.items():
        assert one.rows == await pg.fetchval(f"select count(*) from {table}") > 0
        assert one.size > 0
    assert [one for one in await compared(database_url) if one.wrong] == []
    for wrong in (MISCOUNTED, REV_TWICE, CHANGED_BEFORE_SENT, OUT_OF_ORDER, STRANGERS):
        assert await pg.fetch(wrong) == []
    assert await pg.fetch(WITHOUT_ACCOUNT) == []
    strays = await pg.fetch("select * from partition_default_rows() where strays > 0")
    assert strays == []


async def compared(url: str) -> list[Comparison]:
    pool = await connect(url, size=1)
    async with pool, Db(pool, lambda events: None).tx() as tx:
        return [await compare(tx, counter) for counter in COUNTERS]


async def test_the_triggers_are_on_again(database_url: str, pg: asyncpg.Connection) -> None:
    await fill(database_url, TINY)
    off = "select tgrelid::regclass, tgname from pg_trigger where tgenabled <> 'O'"
    assert await pg.fetch(off) == []


async def test_what_is_cut_off_leaves_nothing(database_url: str, pg: asyncpg.Connection) -> None:
    def tell(table: str, rows: int) -> None:
        if table == "posts":
            raise KeyError(table)

    with pytest.raises(KeyError):
        await fill(database_url, TINY, tell)
    assert await pg.fetchval("select count(*) from users") == 0


async def test_a_database_with_users_is_refused(database_url: str, pg: asyncpg.Connection) -> None:
    await fill(database_url, TINY)
    with pytest.raises(CannotStart, match="has users already"):
        await fill(database_url, TINY)
    assert await pg.fetchval("select count(*) from messages") == TINY.messages


async def test_a_database_that_is_not_migrated_is_refused(empty_database_url: str) -> None:
    with pytest.raises(CannotStart, match="are pending: run `lumina migrate`"):
        await fill(empty_database_url, TINY)


async def test_the_command_says_what_it_filled_and_refuses_to_do_it_twice(
    database_url: str, pg: asyncpg.Connection
) -> None:
    args = ("--messages", "250", "--posts", "240", "--months", "1", "--database-url", database_url)
    first = await asyncio.to_thread(loadtest_data, *args)
    second = await asyncio.to_thread(loadtest_data, *args)
    assert first.returncode == 0, first.stderr
    assert " 250 " in first.stdout
    assert await pg.fetchval("select count(*) from posts") == 240
    assert second.returncode == 1
    assert second.stderr.startswith("loadtest: the database has users already")


def loadtest_data(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "data", *args],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
