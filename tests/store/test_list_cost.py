"""What a list of conversations costs does not grow with how many there are."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest

from lumina_rt.store.queries import Query, query
from tests.store.plans import plan, relations

MANY = 10_000
FEW = 10
A_DAY = 10
"""Conversations in which something was said on one day."""
MADE = """
with made as (
    insert into conversations
        (conversation_id, conversation_type, title, last_seq, last_rev, updated_at)
    select gen_random_uuid(), 'group', 'group ' || n, 1, 1, now() - n * interval '1 day' / $1
    from generate_series(1, $2) n returning conversation_id)
insert into conversation_participants (conversation_id, user_id)
select conversation_id, $3 from made"""
BOUNDS = {"conversations.page": 200, "conversations.cursors": 1000, "receipts.unread": 5000}
"""Rows that are read for a page of 20, for a resume and for a badge."""


async def rows_read(pg: asyncpg.Connection, asked: Query, user_id: UUID) -> int:
    given = {
        "user_id": user_id, "before_ms": None, "before_id": None, "archived": None,
        "limit": 21 if asked.name == "conversations.page" else 200, "within": 1001,
    }  # fmt: skip
    found = await plan(pg, asked, given, await relations(pg), execute=True)
    return sum(
        int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * int(node["Actual Loops"])
        for node in found.nodes
        if "Scan" in node["Node Type"] and "Relation Name" in node
    )


@pytest.mark.timeout(90)
async def test_ten_thousand_conversations_cost_what_a_day_of_them_does(
    pg: asyncpg.Connection,
) -> None:
    users = [
        await pg.fetchval(
            "insert into users (user_id, username, username_key, password_hash) values"
            " (overlay(gen_random_uuid()::text placing '7' from 15)::uuid, $1::text, $1::text, '!')"
            " returning user_id", f"user{count}",
        )
        for count in (FEW, MANY)
    ]  # fmt: skip
    for user_id, count in zip(users, (FEW, MANY), strict=True):
        await pg.execute(MADE, A_DAY, count, user_id)
    await pg.execute("update receipts set read_seq = 0, delivered_seq = 0")
    await pg.execute("analyze")
    for name, bound in BOUNDS.items():
        few, many = [await rows_read(pg, query(name), user_id) for user_id in users]
        assert few <= many <= bound, name
