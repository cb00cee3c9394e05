"""What a search for a word costs that is in every message."""

from __future__ import annotations

import json

import asyncpg

from lumina_rt.store.queries import query
from tests.store.plans import plan_inside, relations
from tests.workers.rows import conversation, user

MANY = 3000
LOOKS = 2000
RARE = 5000
"""See migrations/0053_search_windows.sql."""
SAID = """
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest,
                      created_at)
select $1, gen_random_uuid(), n, n, $2, 'the same word ' || n, decode(md5('x'), 'hex'),
       now() - make_interval(secs => $4 - n)
from generate_series($3::int + 1, $4::int) n"""
ANYTHING = (
    "conversation_id", "from_user_id", "before_ms", "after_ms", "has_media", "at_ms", "at_id",
    "at_seq",
)  # fmt: skip
FIND = query("search.find")
TIDY = "vacuum (analyze) messages, conversation_participants, membership_intervals"
NOTHING = "'same' & !'word'"


async def test_a_word_that_all_have_is_looked_up_and_access_is_asked_of_the_newest_only(
    pg: asyncpg.Connection,
) -> None:
    alice = await user(pg)
    talk = await conversation(pg, alice)
    await pg.execute(SAID, talk, alice, 0, MANY)
    await pg.execute(TIDY)
    given = {**dict.fromkeys(ANYTHING), "user_id": alice, "wanted": "'word'", "limit": 21}
    done = await plan_inside(pg, FIND, given, await relations(pg))
    assert done.read_whole() == set()
    assert "messages_words" in done.searched()
    asked = [n for n in done.nodes if n.get("Relation Name") == "membership_intervals"]
    assert 0 < sum(node["Actual Loops"] for node in asked) <= 100


async def test_a_word_that_very_many_have_costs_the_same_however_many_they_are(
    pg: asyncpg.Connection,
) -> None:
    """Also where nothing is found. Four times as many take two more halvings of a window."""
    alice = await user(pg)
    talk = await conversation(pg, alice)
    few = 2 * RARE
    await pg.execute(SAID, talk, alice, 0, few)
    await pg.execute(TIDY)
    before = {wanted: await cost(pg, alice, wanted) for wanted in ("'word'", NOTHING)}
    await pg.execute(SAID, talk, alice, few, 4 * few)
    await pg.execute(TIDY)
    for wanted, (buffers, rows) in before.items():
        now_buffers, now_rows = await cost(pg, alice, wanted)
        assert now_buffers <= 2 * buffers, wanted
        assert now_rows <= max(RARE, LOOKS) + 1, wanted
        assert rows <= max(RARE, LOOKS) + 1, wanted


async def cost(pg: asyncpg.Connection, user_id: object, wanted: str) -> tuple[int, int]:
    """Buffers of the whole, and the most rows that one node within it reads of messages."""
    given = {**dict.fromkeys(ANYTHING), "user_id": user_id, "wanted": wanted, "limit": 21}
    args = FIND.args({name: given[name] for name in FIND.params})
    told = await pg.fetchval(f"explain (analyze, buffers, format json) {FIND.text}", *args)
    (top,) = json.loads(told)
    done = await plan_inside(pg, FIND, given, await relations(pg))
    read = [n for n in done.nodes if str(n.get("Relation Name", "")).startswith("messages_")]
    rows = max(int(n["Actual Rows"] * n["Actual Loops"]) for n in read)
    return top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"], rows
