"""Statements find what they need by an index, and each index is there for a query.

On generated data: LUMINA_TEST_PLAN_ROWS messages and as many posts; a plan depends on how much
there is. The files beside this one: plan_rows.sql fills tables that are empty otherwise,
plan_values.sql gives parameters their values, index_queries.sql says what each index is for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from loadtest.data import Scale, fill
from lumina_rt.dev.engines import Engines
from lumina_rt.store.queries import NAME, SQL, Query, parse, statements
from lumina_rt.workers.counters import COUNTERS
from tests.store.plans import Plan, Relation, plan, plan_inside, relations

pytestmark = pytest.mark.timeout(300)  # the first test fills the database

ROWS = int(os.environ.get("LUMINA_TEST_PLAN_ROWS", "20000"))
HERE = Path(__file__).parent
Given = dict[str, object]

STATEMENTS = {
    query.name: query
    for domain in sorted(path.stem for path in SQL.glob("*.sql"))
    for query in statements(domain).values()
    if "set local " not in query.text  # has no plan
}
BY_WORKERS = (
    "counters",
    "expiry.",
    "keys.",
    "mails.take",
    "notifications.take",
    "post_drafts.due",
    "purge",
    "scheduled.due",
    "trending.",
)
"""They take batches. How many rows a limit leaves a generic plan cannot know, so that it counts
with a tenth; on large tables Postgres finds that out by itself, and plans with the arguments."""

WHOLE = {
    "counters.compare": "counts everything again, when an operator asks for it",
    "keys.count": "counts everything that is encrypted, when an operator asks for it",
    "media_check.going": "looks at what little waits, when an operator asks for it",
    "notifications.orphans": "looks every few minutes at what little waits",
    "trace.find": "an operator knows the id of a message only",
}
"""Statements that read large tables from end to end, and why."""
BY_BLOCKS = {"purge.notifications", "purge.user_events", "purge.message_edits"}
"""By BRIN indexes, which pay from many times 128 pages on: they are shown to be of use with
sequential scans made expensive."""
ONE_CONVERSATION = (
    "messages.send",
    "messages.newest",
    "messages.before",
    "messages.after",
    "history.anchor",
    "history.edges",
    "messages.one",
    "messages.known_changes",
    "messages.since",
    "messages.digest",
    "messages.edit",
    "messages.delete",
    "messages.states",
    "messages.start_expiry",
    "conversations.describe",
)
BY_ID = ("messages.send", "messages.one", "messages.digest")
ASKED_ALONE = ("access.visible", "access.closed_to", "access.not_accepting", "profiles.get")
IN_FUNCTIONS = {"messages.send", "reactions.react", "receipts.keep", "search.find"}
HISTORY = {"message_id": "messages_pkey", "seq": "messages_conversation_id_seq_key"}
CUT_BY_CONVERSATION = ("messages", "message_changes", "message_reactions")

INDEXES = """
select c.relname as name, am.amname as method, i.indpred is not null as partial,
       obj_description(c.oid, 'pg_class') as comment
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam
where c.relnamespace = 'public'::regnamespace and not i.indisunique and not c.relispartition"""


def index_queries() -> dict[str, Query]:
    _, *parts = NAME.split((HERE / "index_queries.sql").read_text())
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    found = {name: parse(name, body) for name, body in pairs}
    assert len(found) == len(pairs), "an index has two queries"
    return found


@pytest.fixture(scope="module")
def filled(running_engines: Engines, template: str) -> Iterator[str]:
    name = f"plans_{uuid4().hex}"

    async def make() -> None:
        await run(running_engines.database_url(), f"create database {name} template {template}")
        await fill(running_engines.database_url(name), Scale(ROWS, ROWS))
        await run(running_engines.database_url(name), (HERE / "plan_rows.sql").read_text())
        await run(running_engines.database_url(name), "vacuum (analyze)")

    asyncio.run(make())
    yield running_engines.database_url(name)
    asyncio.run(run(running_engines.database_url(), f"drop database {name} with (force)"))


async def run(url: str, script: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(script)
    finally:
        await conn.close()


@pytest.fixture
async def conn(filled: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(filled)
    yield connection
    await connection.close()


@pytest.fixture
async def known(conn: asyncpg.Connection) -> dict[str, Relation]:
    return await relations(conn)


@pytest.fixture
async def given(conn: asyncpg.Connection) -> Given:
    row = await conn.fetchrow((HERE / "plan_values.sql").read_text())
    assert row is not None
    assert [name for name, value in row.items() if value is None and name != "at"] == []
    return {**row, "counters": list(COUNTERS)}


OTHERS = {"stories.create": {"visibility": "followers"}}
"""Values that mean something else in one statement."""


async def executed(
    conn: asyncpg.Connection, name: str, given: Given, known: dict[str, Relation]
) -> Plan:
    given = {**given, **OTHERS.get(name, {})}
    custom, seqscan = name.startswith(BY_WORKERS), name not in BY_BLOCKS
    if name.startswith("stories."):
        # A post has an audience, and a comment a moving picture; a story neither.
        given = {**given, "visibility": "followers", "media_type": "image"}
    if name in IN_FUNCTIONS:
        return await plan_inside(conn, STATEMENTS[name], given, known)
    return await plan(
        conn, STATEMENTS[name], given, known, execute=True, custom=custom, seqscan=seqscan
    )


async def test_no_statement_reads_a_large_table_from_end_to_end(
    conn: asyncpg.Connection, given: Given, known: dict[str, Relation]
) -> None:
    whole = {name: (await executed(conn, name, given, known)).read_whole() for name in STATEMENTS}
    assert {name: read for name, read in whole.items() if read and name not in WHOLE} == {}
    assert [name for name in WHOLE if not whole[name]] == [], "is said to, and does not any more"


async def test_what_is_of_one_conversation_is_read_in_one_part(
    conn: asyncpg.Connection, given: Given, known: dict[str, Relation]
) -> None:
    for name in ONE_CONVERSATION:
        done = await executed(conn, name, given, known)
        assert len(done.parts("messages")) == 1, name
        key = "message_id" if name in BY_ID else "seq"
        assert HISTORY[key] in done.searched(), name
    for name in STATEMENTS:
        if name.startswith(("messages.", "conversations.", "history.")):
            done = await executed(conn, name, given, known)
            read = {table: done.parts(table) for table in CUT_BY_CONVERSATION}
            assert {table: parts for table, parts in read.items() if len(parts) > 1} == {}, name


async def test_the_rules_of_access_are_planned_with_the_statement_that_asks(
    conn: asyncpg.Connection, given: Given, known: dict[str, Relation]
) -> None:
    """As a part of it, by indexes: a function that is called for each row costs many times more."""
    lists = (
        "select post_id from live_posts p where p.user_id = :user_id"
        " and exists (select from may_see(:other_id, p.user_id, p.visibility, p.audience_id))",
        "select comment_id from live_comments c where c.post_id = :post_id"
        " and not exists (select from blocked_between(:other_id, c.user_id))",
    )
    asked = [*map(STATEMENTS.get, ASKED_ALONE), *(parse("access.list", text) for text in lists)]
    for query in asked:
        assert query
        done = await plan(conn, query, given, known)
        assert "Function Scan" not in {node["Node Type"] for node in done.nodes}, query.name
        assert done.read_whole() == set(), query.name


async def test_every_index_has_its_query_and_a_comment_that_names_it(
    conn: asyncpg.Connection,
) -> None:
    comments = {row["name"]: row["comment"] for row in await conn.fetch(INDEXES)}
    assert sorted(index_queries()) == sorted(comments)
    assert [name for name, comment in comments.items() if not comment] == []


async def test_every_index_is_what_its_query_is_answered_with(
    conn: asyncpg.Connection, given: Given, known: dict[str, Relation]
) -> None:
    live = {row["name"]: row for row in await conn.fetch(INDEXES)}
    queries = {name: query for name, query in index_queries().items() if name in live}
    wrong = {}
    for name, query in queries.items():
        seqscan = live[name]["method"] != "brin"  # as BY_BLOCKS says
        found = await plan(conn, query, given, known, seqscan=seqscan)
        used = found.indexes() if live[name]["partial"] else found.searched()
        if name not in used:
            wrong[name] = used
    assert wrong == {}
