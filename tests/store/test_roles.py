"""What the logins of nodes and of operators may do, and what only the owner of the schema may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg
import pytest

from lumina_rt.dev.engines import Engines
from tests.store.seeded import TABLES, insert_rows

Denied = asyncpg.InsufficientPrivilegeError
LogIn = Callable[[str], Awaitable[asyncpg.Connection]]

OWNERS_ONLY = (
    "create table public.notes (note text)",
    "create function public.f() returns int language sql as 'select 1'",
    "alter table users add column note text",
    "alter table users disable trigger all",
    "alter table users disable row level security",
    "drop table users",
    "truncate users",
    "drop policy server on users",
    "delete from schema_migrations",
    "create temporary table t (a int) on commit drop;"
    "create trigger t after insert on t for each statement execute function audit()",
    "select make_partition(r, now()) from partition_rules r",
    "set role lumina",
    "set session_replication_role = replica",
)
LOG = (
    "insert into audit_log (table_name, op, row_key) values ('users', 'update', '')",
    "update audit_log set changes = null",
    "delete from audit_log",
    "truncate audit_log",
    "alter table audit_log disable trigger all",
)


@pytest.fixture
async def log_in(
    running_engines: Engines, database_url: str, pg: asyncpg.Connection
) -> AsyncIterator[LogIn]:
    await insert_rows(pg)
    database = urlsplit(database_url).path[1:]
    async with AsyncExitStack() as stack:

        async def log_in(role: str) -> asyncpg.Connection:
            conn = await asyncpg.connect(running_engines.database_url(database, user=role))
            stack.push_async_callback(conn.close)
            return conn

        yield log_in


async def reached(conn: asyncpg.Connection, statements: tuple[str, ...]) -> list[str]:
    """Those that were not refused."""
    done = []
    for statement in statements:
        transaction = conn.transaction()
        await transaction.start()
        try:
            await conn.execute(statement)
            done.append(statement)
        except Denied:
            pass
        finally:
            await transaction.rollback()
    return done


@pytest.mark.parametrize("role", ["lumina_app", "lumina_writer", "lumina_admin"])
async def test_only_the_owner_changes_the_schema_or_the_audit_log(log_in: LogIn, role: str) -> None:
    conn = await log_in(role)
    assert await reached(conn, OWNERS_ONLY) == []
    assert await reached(conn, LOG) == []


@pytest.mark.parametrize("role", ["lumina_app", "lumina_writer", "lumina_admin"])
async def test_only_operators_read_the_audit_log(
    log_in: LogIn, role: str, pg: asyncpg.Connection
) -> None:
    conn = await log_in(role)
    count = await pg.fetchval("select count(*) from audit_log")
    assert count > 0
    if role == "lumina_admin":
        assert await conn.fetchval("select count(*) from audit_log") == count
    else:
        with pytest.raises(Denied):
            await conn.fetch("select count(*) from audit_log")


@pytest.mark.parametrize("role", ["lumina_writer", "lumina_admin"])
async def test_the_server_and_its_operators_see_every_row(
    log_in: LogIn, role: str, pg: asyncpg.Connection
) -> None:
    conn = await log_in(role)
    tables = [row["relname"] for row in await pg.fetch(TABLES)]
    for table in set(tables) - {"audit_log"}:
        count = f"select count(*) from {table}"
        assert await conn.fetchval(count) == await pg.fetchval(count) > 0, table


async def test_how_long_things_are_kept_is_for_operators_to_say(log_in: LogIn) -> None:
    change = ("update partition_rules set keep = interval '400 days' where parent = 'audit_log'",)
    assert await reached(await log_in("lumina_writer"), change) == []
    assert await reached(await log_in("lumina_admin"), change) == list(change)
