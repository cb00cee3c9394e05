"""The rows of tests/store/rows: some of every table, for each level of the schema."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

ROWS = Path(__file__).with_name("rows")
FILES = sorted(ROWS.glob("[0-9]*.sql"))
PEOPLE = ("alice", "bob", "carol", "trent", "mallory")
QUOTED = re.compile(r"'((?:[^']|'')+)'")


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
        sorted(text.replace("''", "'") for text in quoted),
    )
    return {row["id"]: row["name"] for row in rows}
