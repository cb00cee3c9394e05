"""Who reads a table with soft deletes says so: by its live view, by asking, or by name here."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

from tests.store.parsed import blocks
from tests.store.test_statements import ALL

DELETED = Path(__file__).with_name("deleted.sql")
FLAG = re.compile(r"\b(is_deleted|is_active|deleted_at)\b")

# Statements that must see what is deleted.
EXCEPTIONS = {
    "moderation.lock_user": "whoever is decided about, also when they have gone",
    "counters.compare": "the same",
    "message_reactions.page": "who has reacted is named for as long as it counts",
    "conversations.describe": "members are named for as long as they are members",
    "erasure.audiences": "a deleted post refers to its audience until it is purged",
    "lifecycle.companions": "who is hidden may come back, and is told too",
    "lifecycle.taken": "who is hidden, or deleted and not erased yet, has a name all the same",
    "emails.owner": "the address of an account that is switched off is not free",
    "keys.count": "what is encrypted, is so whatever became of its account",
    "keys.emails_from": "the same",
    "messages.digest": "a key is taken for ever, whatever became of the message",
    "purge.expired_stories": "an expired story goes, whether it was deleted or not",
    "purge.stories": "those that expired_stories found",
    "trace.find": "an operator asks where it is, also when it was deleted",
    "comments.post_of": "by whom it is to be locked, whatever became of it",
    "comments.about": "asked under the lock, of one that was just said",
    "erasure.liked": "a like of what was deleted goes too",
    "post_people.how_far": "a page goes on behind a post that is gone since",
    "erasure.commented": "what was deleted is emptied too",
    "notifications.announce_later": "asked of a post that was just made",
    "notifications.announcement": "who may see it is asked when it is told",
    "comments.lock": "a lock, whatever it is of; what it is then, the next statement says",
    "comments.stream": "the same",
    "watches.told_results": "asked of a post that is there",
    "stories.lock": "the same",
    "story_highlights.lock_own": "of who asks, who is there",
    "comments.post_author": "asked under the lock, of one that is there or was",
    "comments.last": "asked of a post that the reader may see",
    "purge.comments": "those that deleted_comments found",
    "invites.came": "a note is never deleted",
    "bans.page": "who is kept out may come back",
    "mutes.page": "the same of whom one has muted",
    "audiences.members": "the same of who is in an audience",
    "audiences.in_use": "a deleted post refers to its audience until it is purged",
    "member_list.page": "members are named for as long as they are members",
    "blocks.page": "whom one has blocked may come back",
    "profiles.id_of": "`profiles.get` asks whether they may be known",
    "notifications.groups": "who has done something, under the name they have",
    "notifications.of_group": "the same",
    "message_notifications.look": "something was said, whatever became of it",
    "blobs.again": "a deleted one still has its bytes",
    "media_check.of": "the same",
    "media_check.page": "the same",
    "purge.expired_uploads": "whether it was deleted or not",
    "settings.get": "one's own, and who is logged in is there",
}


async def soft_deleted(pg: asyncpg.Connection) -> set[str]:
    """The tables with a live view."""
    rows = await pg.fetch(
        "select substr(viewname, 6) as name from pg_views where viewname ~ '^live_'"
    )
    return {row["name"] for row in rows}


async def columns(pg: asyncpg.Connection, relation: str) -> set[str]:
    names = "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0"
    return {row["attname"] for row in await pg.fetch(names, relation)}


async def test_every_table_with_a_flag_has_a_live_view(pg: asyncpg.Connection) -> None:
    flagged = await pg.fetch(
        """select distinct c.relname as name
           from pg_attribute a join pg_class c on c.oid = a.attrelid
           where c.relkind in ('r', 'p') and not c.relispartition
             and a.attname in ('is_deleted', 'deleted_at')"""
    )
    assert {row["name"] for row in flagged} == await soft_deleted(pg)


async def test_statements_do_not_forget_what_is_deleted(pg: asyncpg.Connection) -> None:
    guarded = await soft_deleted(pg)
    forgot = set()
    for query in ALL:
        read = {t for block in blocks(query) if block.kind == "select" for t in block.tables}
        if read & guarded and not FLAG.search(query.text):
            forgot.add(query.name)
    assert forgot == set(EXCEPTIONS)


async def test_a_live_view_has_every_column_but_secrets_and_reads_as_its_reader(
    pg: asyncpg.Connection,
) -> None:
    for table in sorted(await soft_deleted(pg)):
        hidden = await columns(pg, table) - await columns(pg, f"live_{table}")
        secret = {"password_hash", "email", "email_index"}
        assert hidden == set() or secret < hidden, table
    invokers = await pg.fetch(
        "select relname from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace"
        " and not coalesce(reloptions, '{}') @> '{security_invoker=true}'"
    )
    assert invokers == []


async def test_what_is_deleted_archived_or_expired_is_in_no_live_view(
    pg: asyncpg.Connection,
) -> None:
    await pg.execute(DELETED.read_text())
    seen = {
        "users": "username", "media_objects": "content_type", "posts": "caption",
        "comments": "content", "messages": "content",
    }  # fmt: skip
    for table, column in seen.items():
        live = {row[0] for row in await pg.fetch(f"select {column} from live_{table}")}
        assert live == ({"1", "4"} if table == "messages" else {"here"}), table
    assert await pg.fetchval("select count(*) from live_stories") == 1
    assert seen.keys() | {"stories"} == await soft_deleted(pg)
