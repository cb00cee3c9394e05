"""What is asked about members costs what they are, however many were there, or groups there are."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7

from lumina_rt.store.queries import query
from tests.store.plans import plan, relations
from tests.workers.rows import add, conversation, user

LEFT = 2000
GROUPS = 2000
PEERS = 20
HISTORY = """
insert into membership_intervals (conversation_id, user_id, from_seq, to_seq)
select $1, $2, n, n from generate_series(1, $3::int) n"""
OPENED = """
with made as (
    insert into conversations (conversation_id, conversation_type, title)
    select gen_random_uuid(), 'group', 'group ' || n from generate_series(1, $2) n
    returning conversation_id)
insert into conversation_participants (conversation_id, user_id)
select conversation_id, $1 from made"""


async def rows_read(pg: asyncpg.Connection, name: str, given: dict[str, object]) -> int:
    found = await plan(pg, query(name), given, await relations(pg), execute=True)
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in found.nodes
        if "Scan" in node["Node Type"] and "Relation Name" in node
    )


async def test_a_change_of_a_message_costs_what_the_members_are(pg: asyncpg.Connection) -> None:
    alice, bob, left = [await user(pg) for _ in range(3)]
    talk = await conversation(pg, alice, bob)
    await pg.execute(HISTORY, talk, left, LEFT)
    for seq in (5, 6):
        await add(
            pg, "messages", conversation_id=talk, message_id=uuid7(), seq=seq, rev=seq,
            sender_id=alice, content="x", content_digest=bytes(16),
        )  # fmt: skip
    await pg.execute("analyze membership_intervals")
    given: dict[str, object] = {"conversation_id": talk, "node_id": "node1"}
    assert await rows_read(pg, "messages.number_change", given | {"seq": 5}) < 100
    assert await rows_read(pg, "messages.number_changes", given | {"seqs": [5, 6]}) < 100


@pytest.mark.timeout(60)
async def test_who_sees_who_is_online_costs_what_the_one_in_few_groups_is(
    pg: asyncpg.Connection,
) -> None:
    many: UUID = await user(pg)
    few = [await user(pg) for _ in range(PEERS)]
    await pg.execute("insert into user_settings select user_id from users on conflict do nothing")
    await pg.execute(OPENED, many, GROUPS)
    for peer in few:
        await pg.execute(OPENED, peer, 3)
    await pg.execute("analyze")
    for viewers, owners in (([many] * PEERS, few), (few, [many] * PEERS)):
        given: dict[str, object] = {"viewer_ids": viewers, "owner_ids": owners}
        assert await rows_read(pg, "presence.shown", given) < PEERS * 150
