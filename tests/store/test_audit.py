"""The audit log: who, what, which rows, and never what is nobody's business."""

from __future__ import annotations

import re
from typing import Any

import asyncpg
import orjson
import pytest
from lumina_protocol.messages import MessageSent

from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.store.readme import tables, unaudited
from tests.store.seeded import insert_rows

TRIGGERS = """
select c.relname as name, array_agg(t.tgname::text order by t.tgname) as triggers
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where t.tgname ~ '^audit_' and not c.relispartition group by c.relname"""
PROSE = """
select c.relname as name, a.attname as column, t.typname as type
from pg_trigger g
join pg_class c on c.oid = g.tgrelid and g.tgname = 'audit_update' and not c.relispartition
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where t.typname in ('text', 'bytea', 'jsonb') or (t.typname = 'varchar' and a.atttypmod - 4 > 20)"""
MARKED = "XMARKX|584d41524b58"
# What people may be known by, and what staff must be able to read.
TOLD = {
    "users.username", "users.full_name", "conversations.title", "topics.topic_name",
    "topics.display_name", "media_objects.content_type", "bookmark_collections.name",
    "audiences.name", "reports.reason", "reports.resolution",
}  # fmt: skip


@pytest.fixture
async def log(pg: asyncpg.Connection) -> Any:
    """What was written since it was last asked for, oldest first."""
    last = 0

    async def read(table: str) -> list[dict[str, Any]]:
        nonlocal last
        rows = await pg.fetch(
            "select audit_id, actor_id::text as actor, db_role, op, row_key, changes from audit_log"
            " where table_name = $1 and audit_id > $2 order by audit_id",
            table,
            last,
        )
        last = await pg.fetchval("select coalesce(max(audit_id), 0) from audit_log")
        return [{**dict(row), "changes": orjson.loads(row["changes"] or "null")} for row in rows]

    return read


@pytest.fixture
async def seeded(pg: asyncpg.Connection) -> asyncpg.Connection:
    await insert_rows(pg)
    return pg


async def act_as(pg: asyncpg.Connection, user_id: object) -> None:
    await pg.execute("select set_config('app.user_id', $1, false)", str(user_id or ""))


async def test_every_table_is_audited_or_listed_with_the_reason(pg: asyncpg.Connection) -> None:
    found = {row["name"]: row["triggers"] for row in await pg.fetch(TRIGGERS)}
    assert set(found) | unaudited() == {table.name for table in tables()}
    assert set(found) & unaudited() == set()
    partly = {name: t for name, t in found.items() if len(t) < 3}
    assert partly == {
        "messages": ["audit_delete", "audit_update"],
    }


async def test_a_change_is_logged_with_who_what_before_and_after(
    seeded: asyncpg.Connection, log: Any
) -> None:
    alice = await seeded.fetchval("select pg_temp.who('alice')")
    bob = await seeded.fetchval("select pg_temp.who('bob')")
    await log("users")
    await act_as(seeded, bob)
    await seeded.execute(
        "update users set is_private = true, username = 'alicia', password_hash = 'secret',"
        " follower_count = 7 where user_id = $1",
        alice,
    )
    (entry,) = await log("users")
    assert (entry["actor"], entry["op"], entry["row_key"]) == (str(bob), "update", str(alice))
    assert entry["changes"] == {
        "is_private": [False, True], "username": ["alice", "alicia"], "password_hash": "changed",
    }  # fmt: skip
    assert entry["db_role"] == await seeded.fetchval("select session_user")


async def test_each_row_of_a_statement_has_its_entry_by_its_own_key(
    seeded: asyncpg.Connection, log: Any
) -> None:
    await log("follows")
    await act_as(seeded, None)
    changed = await seeded.fetch(
        "update follows set notify_on_post = not notify_on_post returning *"
    )
    entries = await log("follows")
    assert len(changed) == len(entries) > 1
    assert {e["row_key"]: (e["actor"], e["changes"]) for e in entries} == {
        f"{row['follower_id']}/{row['following_id']}": (
            str(row["follower_id"]),  # whom the row names, when nobody else is known
            {"notify_on_post": [not row["notify_on_post"], row["notify_on_post"]]},
        )
        for row in changed
    }


async def test_inserts_and_deletes_are_logged(seeded: asyncpg.Connection, log: Any) -> None:
    await act_as(seeded, None)
    await log("reactions")
    post = await seeded.fetchval("select post_id from posts where not is_deleted limit 1")
    who = await seeded.fetchval("select pg_temp.who('trent')")
    await seeded.execute("insert into reactions values ($1, $2, 'curious')", post, who)
    await seeded.execute("delete from reactions where post_id = $1 and user_id = $2", post, who)
    added, removed = await log("reactions")
    assert (added["op"], added["changes"]) == ("insert", None)
    assert (removed["op"], removed["changes"]["reaction_type"]) == ("delete", ["curious", None])
    assert added["row_key"] == removed["row_key"] == f"{post}/{who}"


async def test_what_changes_nothing_or_only_a_counter_is_not_logged(
    seeded: asyncpg.Connection, log: Any
) -> None:
    for table in ("posts", "users", "comments"):
        await log(table)
    await seeded.execute("update posts set view_count = view_count + 1")
    await seeded.execute("update users set full_name = full_name, last_login_at = now()")
    await seeded.execute("update comments set like_count = 5, updated_at = now()")
    assert [await log(table) for table in ("posts", "users", "comments")] == [[], [], []]


async def test_no_text_and_no_secret_is_in_the_log(seeded: asyncpg.Connection) -> None:
    """Every column that can hold prose or a secret is overwritten, and every row deleted."""
    columns = await seeded.fetch(PROSE)
    assert len(columns) > 40
    await seeded.execute("set session_replication_role = 'replica'")  # no foreign keys, no checks
    for table in {row["name"] for row in columns}:
        await seeded.execute(f"alter table {table} enable always trigger audit_update")
        await _without_checks(seeded, table)
    for row in columns:
        mark = _mark(row["type"])
        await seeded.execute(f'update {row["name"]} set "{row["column"]}" = {mark}')
    found = await seeded.fetch(
        "select distinct table_name, changes from audit_log where changes::text ~ $1", MARKED
    )
    told = {
        f"{row['table_name']}.{column}"
        for row in found
        for column, change in orjson.loads(row["changes"]).items()
        if re.search(MARKED, str(change))
    }
    assert told == TOLD


async def test_the_text_of_a_message_is_nowhere_in_the_log(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            sent = await say(alice, await open_conversation(alice, "bob"), "for bob only")
    assert isinstance(sent, MessageSent)
    assert await pg.fetchval("select count(*) from audit_log where table_name = 'messages'") == 0
    await pg.execute("update messages set content = 'other words', is_edited = true")
    await pg.execute("update messages set content = null, is_deleted = true, deleted_at = now()")
    await pg.execute("delete from messages")
    log = await pg.fetch(
        "select op, changes::text as changes from audit_log"
        " where table_name = 'messages' order by audit_id"
    )
    assert [row["op"] for row in log] == ["update", "update", "delete"]
    assert '"content": "changed"' in log[0]["changes"]
    everything = await pg.fetchval("select string_agg(a::text, '') from audit_log a")
    assert "for bob" not in everything
    assert "other words" not in everything


async def test_what_is_rolled_back_is_not_logged(seeded: asyncpg.Connection, log: Any) -> None:
    await log("users")
    transaction = seeded.transaction()
    await transaction.start()
    await seeded.execute("update users set is_private = true")
    await transaction.rollback()
    assert await log("users") == []


def _mark(type_: str) -> str:
    """Another one for each row, since a column may be unique."""
    mark = "('XMARKX' || ctid::text)"
    casts = {"bytea": f"{mark}::bytea", "jsonb": f"jsonb_build_array{mark}"}
    return casts.get(type_, mark)


async def _without_checks(pg: asyncpg.Connection, table: str) -> None:
    """Checks and keys keep a mark from being written, and are not what is asked here."""
    named = (
        "select conname from pg_constraint where conrelid = $1::regclass and contype in ('c', 'u')"
    )
    for row in await pg.fetch(named, table):
        await pg.execute(f'alter table {table} drop constraint "{row["conname"]}" cascade')
