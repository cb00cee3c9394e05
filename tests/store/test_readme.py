"""What sql/README.md says is what the catalogue has, no more and no less."""

from __future__ import annotations

from collections import Counter

import asyncpg
import pytest

from tests.store.readme import documented_columns, rows, section, seed_columns, tables
from tests.store.seed import COLUMNS, INDEXES, SECTIONS

CATALOGUE = """
select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and a.attnum > 0 and not a.attisdropped
group by c.relname"""
KEYS = """
select i.indrelid::regclass::text as name, array_agg(a.attname::text order by k.n) as key
from pg_index i cross join unnest(i.indkey::int2[]) with ordinality k (attnum, n)
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indisprimary group by i.indrelid"""
HASHED = """
select c.relname as name, count(*) as parts
from pg_partitioned_table p
join pg_class c on c.oid = p.partrelid
join pg_inherits i on i.inhparent = c.oid
where p.partstrat = 'h' group by c.relname"""


async def catalogue(pg: asyncpg.Connection) -> dict[str, list[str]]:
    return {row["name"]: row["columns"] for row in await pg.fetch(CATALOGUE)}


async def test_every_table_is_listed_once_with_its_key(pg: asyncpg.Connection) -> None:
    listed = Counter(table.name for table in tables())
    assert listed == Counter(list(await catalogue(pg)))
    keys = {row["name"]: row["key"] for row in await pg.fetch(KEYS)}
    assert {table.name: table.key for table in tables()} == {n: keys[n] for n in listed}


async def test_every_column_is_accounted_for_once(pg: asyncpg.Connection) -> None:
    there = await catalogue(pg)
    said = documented_columns()
    elsewhere = [name for names in said.values() for name in names if "." in name]
    for name in elsewhere:
        table, _, column = name.partition(".")
        assert column in there[table], name
    own = {table: [n for n in names if "." not in n] for table, names in said.items()}
    assert {t: sorted(names) for t, names in own.items()} == {
        t: sorted(names) for t, names in there.items()
    }


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_of_the_seed_has_its_place_or_a_reason(table: str) -> None:
    assert sorted(seed_columns(table)) == sorted(COLUMNS[table].split())
    for seed, here, why in rows(section(table)):
        assert here == "same" or why, f"{table}: {seed} -> {here} without a reason"


async def test_shard_keys_are_columns(pg: asyncpg.Connection) -> None:
    there = await catalogue(pg)
    wrong = [t.name for t in tables() if t.shard_by and t.shard_by not in there[t.name]]
    assert wrong == []


async def test_parts_are_as_the_rules_say(pg: asyncpg.Connection) -> None:
    rules = {row["parent"]: row for row in await pg.fetch("select * from partition_rules")}
    hashed = {row["name"]: row["parts"] for row in await pg.fetch(HASHED)}
    for table in tables():
        if rule := rules.pop(table.name, None):
            assert table.parts.startswith(f"{rule['step']} of ")
            keep = rule["keep"]
            says = f"{keep.days} days" if keep and keep.days else "1 hour" if keep else None
            assert says is None or table.parts.endswith(f"; {says}"), table
        elif table.name in hashed:
            assert table.parts.startswith(f"{hashed.pop(table.name)}, by hash")
        else:
            assert " of " not in table.parts
            assert "hash" not in table.parts
    assert (rules, hashed) == ({}, {})


async def test_what_the_app_may_do_is_granted_and_no_more(pg: asyncpg.Connection) -> None:
    granted = await pg.fetch(
        """select table_name::text as name, bool_or(privilege_type <> 'SELECT') as writes
           from (select table_schema, table_name, grantee, privilege_type
                 from information_schema.table_privileges
                 union all select table_schema, table_name, grantee, 'SELECT'
                 from information_schema.column_privileges) p
           where grantee = 'lumina_app' and table_schema = 'public' and table_name not like 'live_%'
           group by table_name"""
    )
    may = {row["name"]: "w" if row["writes"] else "r" for row in granted}
    assert {table.name: table.app for table in tables() if table.app != "-"} == may


def test_every_section_of_the_seed_says_where_it_is() -> None:
    said = [cells[0] for cells in rows(section("The seed's text, section by section"))]
    missing = [name for name in SECTIONS if not any(row.startswith(name) for row in said)]
    assert missing == []
    assert all(cells[1] for cells in rows(section("The seed's text, section by section")))


def test_every_index_of_the_seed_is_here_or_listed_as_left_out() -> None:
    listed = [
        name
        for names, _ in rows(section("Indexes of the seed that are not here"))
        for name in names.split(", ")
    ]
    assert sorted(listed) == sorted(INDEXES.split())
