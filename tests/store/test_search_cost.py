"""What a search for a word costs that is in every message."""

from __future__ import annotations

import asyncpg

from lumina_rt.store.queries import query
from tests.store.plans import plan_inside, relations
from tests.workers.rows import conversation, user

MANY = 3000
SAID = """
insert into messages (conversation_id, message_id, seq, rev, sender_id, content, content_digest)
select $1, gen_random_uuid(), n, n, $2, 'the same word ' || n, decode(md5('x'), 'hex')
from generate_series(1, $3::int) n"""
ANYTHING = (
    "conversation_id", "from_user_id", "before_ms", "after_ms", "has_media", "at_ms", "at_id",
    "at_seq",
)  # fmt: skip


async def test_a_word_that_all_have_is_looked_up_and_access_is_asked_of_the_newest_only(
    pg: asyncpg.Connection,
) -> None:
    alice = await user(pg)
    talk = await conversation(pg, alice)
    await pg.execute(SAID, talk, alice, MANY)
    await pg.execute("vacuum (analyze) messages, conversation_participants, membership_intervals")
    given = {**dict.fromkeys(ANYTHING), "user_id": alice, "wanted": "'word'", "limit": 21}
    done = await plan_inside(pg, query("search.find"), given, await relations(pg))
    assert done.read_whole() == set()
    assert "messages_words" in done.searched()
    asked = [n for n in done.nodes if n.get("Relation Name") == "membership_intervals"]
    assert 0 < sum(node["Actual Loops"] for node in asked) <= 100
