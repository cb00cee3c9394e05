"""The rows of tests/store/rows: some of every table, for each level of the schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import asyncpg

Row = dict[str, Any]

ROWS = Path(__file__).with_name("rows")
FILES = sorted(ROWS.glob("[0-9]*.sql"))
PEOPLE = ("alice", "bob", "carol", "trent", "mallory")
QUOTED = re.compile(r"'((?:[^']|'')+)'")

TABLES = """
select c.relname from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and c.relname <> 'schema_migrations' order by 1"""
COLUMNS = """
select a.attname from pg_attribute a
where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum"""


async def insert_rows(conn: asyncpg.Connection, *, above: str = "0000", upto: str = "9999") -> None:
    """The rows of the levels above < level <= upto; a level is the number of a migration."""
    await conn.execute((ROWS / "functions.sql").read_text())
    for path in FILES:
        if above < path.stem <= upto:
            await conn.execute(path.read_text())


async def names(conn: asyncpg.Connection) -> dict[str, str]:
    """What ids in the rows are called there: {id: name}, of people and of things."""
    await conn.execute((ROWS / "functions.sql").read_text())
    quoted = {text for path in FILES for text in QUOTED.findall(path.read_text())}
    rows = await conn.fetch(
        "select pg_temp.who(name)::text as id, name from unnest($1::text[]) name union all "
        "select pg_temp.id(name)::text, name from unnest($2::text[]) name",
        PEOPLE,
        sorted({text.replace("''", "'") for text in quoted} - set(PEOPLE)),
    )
    return {row["id"]: row["name"] for row in rows}


async def everything(conn: asyncpg.Connection) -> dict[str, tuple[list[str], list[Row]]]:
    """Of each table its columns and its rows."""
    found = {}
    for table in [row["relname"] for row in await conn.fetch(TABLES)]:
        columns = [row["attname"] for row in await conn.fetch(COLUMNS, table)]
        found[table] = (columns, await rows(conn, table, columns))
    return found


async def rows(conn: asyncpg.Connection, table: str, columns: list[str]) -> list[Row]:
    listed = ", ".join(columns)
    found = await conn.fetch(f"select {listed} from {table}")
    return sorted((dict(row) for row in found), key=repr)


async def changed(
    conn: asyncpg.Connection, before: dict[str, tuple[list[str], list[Row]]]
) -> list[tuple[str, Row]]:
    """The rows of before that are not there as they were, in the columns that they had."""
    gone = []
    for table, (columns, old) in before.items():
        now = await rows(conn, table, columns)
        gone += [(table, row) for row in old if row not in now]
    return gone
