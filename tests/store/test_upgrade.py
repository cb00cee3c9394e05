"""From every level of the schema, with rows in it, to the newest: nothing is lost or changed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from lumina_rt.dev.engines import Engines
from lumina_rt.store import migrate
from lumina_rt.store.queries import NAME
from tests.store.seeded import FILES, TABLES, changed, everything, insert_rows

LEVELS = [migration.name[:4] for migration in migrate.load()]
Clone = Callable[[str], AbstractAsyncContextManager[tuple[str, asyncpg.Connection]]]


def sections(file: str) -> tuple[str, dict[str, str]]:
    """What stands before the first named statement, and those by name."""
    first, *named = NAME.split(Path(__file__).with_name(file).read_text())
    return first, dict(zip(named[::2], named[1::2], strict=True))


@pytest.fixture
async def clone(running_engines: Engines) -> AsyncIterator[Clone]:
    """A database of this test's own, made from another, and a connection of its owner to it."""
    owner = await asyncpg.connect(running_engines.database_url())

    @asynccontextmanager
    async def clone(source: str) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
        name = f"u_{uuid4().hex}"
        await owner.execute(f"create database {name} template {source}")
        url = running_engines.database_url(name)
        conn = await asyncpg.connect(url)
        try:
            yield url, conn
        finally:
            await conn.close()
            await owner.execute(f"drop database {name} with (force)")

    try:
        yield clone
    finally:
        await owner.close()


@pytest.fixture
async def head(clone: Clone, template: str) -> AsyncIterator[asyncpg.Connection]:
    """The newest schema, made on an empty database."""
    async with clone(template) as (_, conn):
        yield conn


@pytest.mark.timeout(120)
async def test_at_every_level_rows_come_through_unchanged_and_new_ones_fit(
    clone: Clone, head: asyncpg.Connection
) -> None:
    """One database goes through all levels: what it has by each comes to the next one, and so to
    all above."""
    async with clone("template1") as (url, conn):
        below = ""
        for level in LEVELS:
            before = await everything(conn)
            await migrate.migrate(url, [m for m in migrate.load() if m.name[:4] <= level])
            assert await changed(conn, before) == [], level
            await insert_rows(conn, above=below, upto=level)
            below = level
        assert await wrong(conn) == {}
        assert await catalogue(conn) == await catalogue(head)


async def test_the_rows_hold_some_of_every_table_and_a_value_for_every_level(
    head: asyncpg.Connection,
) -> None:
    await insert_rows(head)
    tables = [row["relname"] for row in await head.fetch(TABLES)]
    assert len(tables) > 60
    assert [t for t in tables if not await head.fetchval(f"select exists (select from {t})")] == []
    made = re.compile(
        r"^\s*(create (unlogged )?table|add column|alter table \w+ add column)\b", re.MULTILINE
    )
    levels = {m.name[:4] for m in migrate.load() if made.search(m.text)}
    # 0004 makes the table of rules, whose rows come with the tables that they are for.
    assert levels - {"0004"} - {path.stem for path in FILES} == set()


async def wrong(conn: asyncpg.Connection) -> dict[str, list[str]]:
    """What should come with other rows, and does not."""
    _, asked = sections("wrong.sql")
    found = {what: [row[0] for row in await conn.fetch(text)] for what, text in asked.items()}
    return {what: those for what, those in found.items() if those}


async def catalogue(conn: asyncpg.Connection) -> dict[str, list[str]]:
    ours, asked = sections("catalogue.sql")
    await conn.execute(ours)
    return {
        kind: sorted(repr(tuple(row)) for row in await conn.fetch(text))
        for kind, text in asked.items()
    }
