"""Fills a migrated, empty database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg

from loadtest.data.copy import Filled, Row, Tell, copy, use_ms
from loadtest.data.notices import Notices
from loadtest.data.people import People
from loadtest.data.posts import Posts
from loadtest.data.scale import Scale
from loadtest.data.talk import Talk
from loadtest.errors import CannotStart
from lumina_rt.store import migrate
from lumina_rt.store.db import connect_alone

TIMES = "created_at updated_at"
MAKE_MONTH = """
select make_partition(r, $1::text::timestamptz)
from partition_rules r where parent = 'posts'"""
IS_SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"
SIZE = """
select pg_total_relation_size($1::text::regclass)
       + coalesce(sum(pg_total_relation_size(relid)) filter (where isleaf), 0)::bigint
from pg_partition_tree($1::text::regclass)
where relid <> $1::text::regclass"""
Part = tuple[str, str, Iterable[Row]]


async def fill(
    dsn: str,
    scale: Scale,
    tell: Tell = lambda table, rows: None,
    *,
    check_references: bool = False,
) -> list[Filled]:
    """Returns the tables in the order in which they were filled.

    A superuser's foreign keys are checked only if asked for: each look into the months of
    posts takes 0.1 ms, ten times as long as the row. Others cannot switch them off.

    Raises CannotStart when the database is not at the newest migration or has users,
    StoreUnreachable or asyncpg's errors.
    """
    conn = await connect_alone(dsn)
    try:
        await _refuse(conn)
        await use_ms(conn)
        async with conn.transaction():
            # A session's own limits are for the server's small statements.
            await conn.execute("set local statement_timeout = 0; set local time zone 'UTC'")
            if not check_references and await conn.fetchval(IS_SUPERUSER):
                await conn.execute("set local session_replication_role = replica")
            for month in _months(scale):
                await conn.fetchval(MAKE_MONTH, month)
            done = [await copy(conn, *part, tell) for part in _parts(scale)]
            await conn.execute("insert into user_settings (user_id) select user_id from users")
            await conn.execute("insert into user_streams (user_id) select user_id from users")
        for filled in done:
            # Also marks pages as visible to all, without which no index is read alone.
            await conn.execute(f"vacuum (analyze) {filled.table}")
        return [replace(one, size=await conn.fetchval(SIZE, one.table)) for one in done]
    finally:
        await conn.close()


async def _refuse(conn: asyncpg.Connection) -> None:
    level = await migrate.status(conn, migrate.load())
    if level.pending:
        raise CannotStart(
            f"the database is at migration {level.level}, and {len(level.pending)} are pending: "
            "run `lumina migrate` on it first"
        )
    if await conn.fetchval("select exists (select from users)"):
        raise CannotStart(
            "the database has users already: create an empty one, run `lumina migrate` on it, "
            "and give its URL"
        )


def _months(scale: Scale) -> Iterator[str]:
    """The beginnings of the months of the history."""
    month: datetime = scale.since.replace(day=1, hour=0)
    while month < scale.until:
        yield month.isoformat()
        month = (month + timedelta(days=32)).replace(day=1)


def _parts(scale: Scale) -> Iterator[Part]:
    """Tables with their columns and rows, each after those that it refers to."""
    people = People(scale)
    posts = Posts(scale, people)
    yield ("users", "user_id username username_key password_hash full_name is_private is_verified "
           "follower_count following_count post_count " + TIMES,
           people.rows(posts.count_by_author()))  # fmt: skip
    yield ("follows", "follower_id following_id connection_type notify_on_post " + TIMES,
           people.follows())  # fmt: skip
    talk = Talk(scale, people)
    yield from _talk_parts(talk)
    yield from _post_parts(posts)
    yield from _notice_parts(Notices(posts, talk))


def _talk_parts(talk: Talk) -> Iterator[Part]:
    yield ("conversations", "conversation_id conversation_type title direct_low direct_high "
           "last_seq last_rev member_count " + TIMES, talk.conversations())  # fmt: skip
    yield ("conversation_participants", "conversation_id user_id role invited_by joined_at "
           "updated_at", talk.participants())  # fmt: skip
    yield ("receipts", "conversation_id user_id delivered_seq read_seq delivered_at last_read_at",
           talk.receipts())  # fmt: skip
    yield ("membership_intervals", "conversation_id user_id from_seq to_seq created_at",
           talk.intervals())  # fmt: skip
    yield ("messages", "conversation_id message_id seq rev sender_id content content_digest "
           "created_at is_ephemeral expires_at reply_to_message_id is_edited is_deleted deleted_at",
           talk.messages())  # fmt: skip
    yield "message_changes", "conversation_id seq rev", talk.changes()
    yield ("message_reactions", "conversation_id seq user_id reaction_type " + TIMES,
           talk.reactions())  # fmt: skip
    yield "message_edits", "conversation_id seq rev content edited_at", talk.edits()
    yield "message_hides", "conversation_id seq user_id created_at", talk.hides()
    yield "message_mentions", "conversation_id seq user_id created_at", talk.mentions()


def _post_parts(posts: Posts) -> Iterator[Part]:
    yield ("posts", "post_id user_id caption post_type visibility latitude longitude "
           "reactions_inspired reactions_grateful reactions_curious reactions_excited "
           "reactions_thoughtful comment_count is_deleted deleted_at is_archived published_at "
           + TIMES, posts.rows())  # fmt: skip
    yield "reactions", "post_id user_id reaction_type " + TIMES, posts.reactions()
    yield ("comments", "comment_id post_id user_id content parent_comment_id thread_depth "
           "like_count reply_count is_deleted deleted_at " + TIMES, posts.comments())  # fmt: skip
    yield "comment_likes", "comment_id user_id created_at", posts.comment_likes()
    yield ("topics", "topic_id topic_name display_name post_count follower_count "
           "is_featured is_trending " + TIMES, posts.topic_rows())  # fmt: skip
    yield "post_topics", "post_id topic_id created_at", posts.post_topics()
    yield "topic_follows", "user_id topic_id created_at", posts.topic_follows()
    yield "bookmark_collections", "collection_id user_id name " + TIMES, posts.collections()
    yield "bookmarks", "user_id post_id collection_id created_at", posts.bookmarks()


def _notice_parts(notices: Notices) -> Iterator[Part]:
    yield ("media_objects", "media_id user_id kind status content_type bytes sha256 storage_key "
           "unused_since " + TIMES, notices.media())  # fmt: skip
    yield ("stories", "story_id user_id media_id media_type visibility view_count "
           + TIMES + " expires_at", notices.stories())  # fmt: skip
    yield "story_views", "story_id user_id created_at", notices.story_views()
    yield ("notification_groups", "user_id group_key notification_type actor_count is_read "
           "read_at news_at " + TIMES, notices.groups())  # fmt: skip
    yield ("notifications", "user_id notification_id notification_type group_key title actor_id "
           "post_id comment_id conversation_id story_id is_read read_at created_at",
           notices.rows())  # fmt: skip
