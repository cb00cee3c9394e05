"""What suggestions cost does not grow with how many somebody follows."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from lumina_rt.store.queries import query
from tests.store.plans import plan, relations

FEW, MANY = 200, 2_000
MOST = 60_000
"""Rows that are read: 200 friends with 50 each, and what is looked up of each of those."""
PEOPLE = """
insert into users (user_id, username, username_key, password_hash)
select overlay(md5(n::text) placing '7' from 13)::uuid, 'user' || n, 'user' || n, '!'
from generate_series(1, $1) n"""
FOLLOWED = """
insert into follows (follower_id, following_id, created_at)
select $1, user_id, now() - n * interval '1 s'
from (select user_id, row_number() over (order by user_id) as n from users where user_id <> $1) u
where n <= $2"""
CROWD = """
insert into follows (follower_id, following_id)
select f.following_id, o.user_id
from (select distinct following_id from follows) f
cross join lateral (
    select user_id from users where user_id > f.following_id order by user_id limit 60) o
on conflict do nothing"""


async def rows_read(pg: asyncpg.Connection, user_id: UUID) -> int:
    asked, given = query("people.suggestions"), {"user_id": user_id, "limit": 20}
    found = await plan(pg, asked, given, await relations(pg), execute=True)
    assert found.read_whole() == set()
    return sum(
        int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * int(node["Actual Loops"])
        for node in found.nodes
        if "Scan" in node["Node Type"] and "Relation Name" in node
    )


@pytest.mark.timeout(90)
async def test_who_follows_thousands_is_suggested_people_at_the_cost_of_hundreds(
    pg: asyncpg.Connection,
) -> None:
    await pg.execute("set session_replication_role = replica")  # no audit, no counting
    await pg.execute(PEOPLE, MANY + 100)
    await pg.execute("insert into user_settings (user_id) select user_id from users")
    few, many = [row[0] for row in await pg.fetch("select user_id from users limit 2")]
    for user_id, count in ((few, FEW), (many, MANY)):
        await pg.execute(FOLLOWED, user_id, count)
    await pg.execute(CROWD)
    await pg.execute("analyze")
    read = [await rows_read(pg, user_id) for user_id in (few, many)]
    assert max(read) <= MOST
