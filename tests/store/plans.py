"""What Postgres would do for a statement, and did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from lumina_rt.store.queries import Query

LARGE = 1000
"""Rows of a table or part; above, it must not be read from end to end."""

AUTO_EXPLAIN = """
load 'auto_explain';
set local auto_explain.log_min_duration = 0;
set local auto_explain.log_nested_statements = on;
set local auto_explain.log_analyze = on;
set local auto_explain.log_timing = off;
set local auto_explain.log_format = json;
set local client_min_messages = log"""
RELATIONS = """
select c.relname as name, c.reltuples as rows, pg_partition_root(c.oid)::regclass::text as root,
       c.relispartition as part
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'i', 'I')"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, index or part. `root` is what a part is a part of, or else itself."""

    rows: float
    root: str
    part: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes that were executed, or all of them when nothing was."""

    nodes: tuple[dict[str, Any], ...]
    relations: Mapping[str, Relation]

    def indexes(self) -> set[str]:
        """The indexes that are read, by the names in the migrations."""
        names = {node["Index Name"] for node in self.nodes if "Index Name" in node}
        return {self.relations[name].root for name in names}

    def searched(self) -> set[str]:
        """Those of them that are entered at some value, and not only gone along for their order."""
        names = {node["Index Name"] for node in self.nodes if "Index Cond" in node}
        return {self.relations[name].root for name in names}

    def read_whole(self) -> set[str]:
        """Large tables and parts that are read from end to end."""
        names = {n["Relation Name"] for n in self.nodes if n["Node Type"] == "Seq Scan"}
        return {name for name in names if self.relations[name].rows > LARGE}

    def parts(self, table: str) -> set[str]:
        """The parts of a partitioned table that are read."""
        names = {n["Relation Name"] for n in self.nodes if "Relation Name" in n}
        return {n for n in names if self.relations[n].part and self.relations[n].root == table}


async def relations(conn: asyncpg.Connection) -> dict[str, Relation]:
    found = await conn.fetch(RELATIONS)
    return {
        row["name"]: Relation(row["rows"], row["root"] or row["name"], row["part"]) for row in found
    }


async def plan(
    conn: asyncpg.Connection,
    query: Query,
    given: Mapping[str, object],
    known: Mapping[str, Relation],
    *,
    execute: bool = False,
    custom: bool = False,
    seqscan: bool = True,
) -> Plan:
    """The generic plan, as of a statement that is prepared once and lives long. Rolls back.

    `execute` runs it, since parts that a join decides on are only passed by then. `custom` lets
    Postgres know the arguments, and so how few rows a limit leaves.
    """
    args = ", ".join(map(literal, query.args({name: given[name] for name in query.params})))
    how = "analyze, timing off, " if execute else ""
    await conn.execute(f"prepare planned as {query.text.rstrip(';')}")
    transaction = conn.transaction()
    await transaction.start()
    try:
        mode = "force_custom_plan" if custom else "force_generic_plan"
        await conn.execute(f"set local plan_cache_mode = {mode}")
        await conn.execute(f"set local enable_seqscan = {seqscan}")
        told = await conn.fetchval(
            f"explain ({how}format json) execute planned" + (f" ({args})" if args else "")
        )
    finally:
        await transaction.rollback()
        await conn.execute("deallocate planned")
    (top,) = json.loads(told)
    return Plan(tuple(n for n in walk(top["Plan"]) if n.get("Actual Loops") != 0), known)


async def plan_inside(
    conn: asyncpg.Connection,
    query: Query,
    given: Mapping[str, object],
    known: Mapping[str, Relation],
) -> Plan:
    """Of the statements within a function, as auto_explain sees them. Rolls back."""
    logged: list[str] = []
    conn.add_log_listener(lambda _, message: logged.append(message.message))
    transaction = conn.transaction()
    await transaction.start()
    try:
        await conn.execute(AUTO_EXPLAIN)
        await conn.fetch(query.text, *query.args({name: given[name] for name in query.params}))
    finally:
        await transaction.rollback()
        await asyncio.sleep(0)  # a listener hears on the next turn of the loop
    plans = [json.loads(text[text.index("{") :])["Plan"] for text in logged if "plan:" in text]
    nodes = [node for top in plans for node in walk(top)]
    return Plan(tuple(n for n in nodes if n.get("Actual Loops") != 0), known)


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def literal(value: object) -> str:
    """A constant of a type that the statement decides on."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, list | tuple):
        return "'{" + ",".join(map(element, value)) + "}'"
    return "'" + str(value).replace("'", "''") + "'"


def element(value: object) -> str:
    return f'"\\\\x{value.hex()}"' if isinstance(value, bytes) else f'"{value}"'
