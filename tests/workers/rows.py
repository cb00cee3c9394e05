"""Rows for tests of the workers, straight into the tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from lumina_protocol.fields import uuid7

from lumina_rt.config import Settings
from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.workers.counters import COUNTERS, Comparison, Counters, compare


@asynccontextmanager
async def database(
    settings: Settings, size: int = 1, lock_timeout_ms: int = 1000
) -> AsyncIterator[Db]:
    pool = await store.connect(settings.database_url, size=size, lock_timeout_ms=lock_timeout_ms)
    try:
        yield Db(pool, lambda emitted: None)
    finally:
        await store.close(pool, within=1)


async def add(pg: asyncpg.Connection, table: str, **values: object) -> None:
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await pg.execute(f"insert into {table} ({columns}) values ({places})", *values.values())


async def user(pg: asyncpg.Connection) -> UUID:
    user_id = uuid7()
    name = user_id.hex[-20:]
    await add(pg, "users", user_id=user_id, username=name, username_key=name, password_hash="x")
    return user_id


async def post(pg: asyncpg.Connection, user_id: UUID, **values: object) -> UUID:
    post_id = uuid7()
    await add(pg, "posts", post_id=post_id, user_id=user_id, post_type="text", **values)
    return post_id


async def comment(
    pg: asyncpg.Connection, post_id: UUID, user_id: UUID, to: UUID | None = None, **values: object
) -> UUID:
    """`to`: the comment that it answers."""
    comment_id = uuid7()
    depth = 0
    if to is not None:
        depth = 1 + await pg.fetchval("select thread_depth from comments where comment_id = $1", to)
    await add(
        pg, "comments", comment_id=comment_id, post_id=post_id, user_id=user_id, content="yes",
        parent_comment_id=to, thread_depth=depth, **values,
    )  # fmt: skip
    return comment_id


async def media(pg: asyncpg.Connection, user_id: UUID, **values: object) -> UUID:
    media_id = uuid7()
    await add(
        pg, "media_objects", media_id=media_id, user_id=user_id, kind="image", bytes=1,
        content_type="image/png", sha256=bytes(32), **values,
    )  # fmt: skip
    return media_id


async def story(pg: asyncpg.Connection, user_id: UUID, **values: object) -> UUID:
    story_id = uuid7()
    media_id = await media(pg, user_id)
    await add(
        pg, "stories", story_id=story_id, user_id=user_id, media_id=media_id, media_type="image",
        **values,
    )  # fmt: skip
    await add(pg, "media_refs", media_id=media_id, subject_type="story", subject_id=story_id)
    return story_id


async def conversation(pg: asyncpg.Connection, *members: UUID) -> UUID:
    conversation_id = uuid7()
    await add(
        pg, "conversations", conversation_id=conversation_id, conversation_type="group", last_rev=9
    )
    for member in members:
        await add(pg, "conversation_participants", conversation_id=conversation_id, user_id=member)
    return conversation_id


async def scheduled(
    pg: asyncpg.Connection, user_id: UUID, content: str = "", sent_at: datetime | None = None
) -> None:
    talk = await conversation(pg, user_id)
    await pg.execute(
        "insert into scheduled_messages"
        " (message_id, conversation_id, user_id, body, send_at, sent_at)"
        " values ($1, $2, $3, jsonb_build_object('content', $4::text), now(), $5)",
        uuid7(), talk, user_id, content, sent_at,
    )  # fmt: skip


def deleted(at: datetime) -> dict[str, Any]:
    return {"is_deleted": True, "deleted_at": at}


async def everything(pg: asyncpg.Connection) -> dict[str, UUID]:
    """At least one row for each counter. Returns some of the ids, by what they are."""
    alice, bob = await user(pg), await user(pg)
    post_id = await post(pg, alice)
    story_id = await story(pg, alice)
    first = await comment(pg, post_id, bob)
    await comment(pg, post_id, alice, to=first)
    topic = uuid4()
    talk = await conversation(pg, alice, bob)
    today = datetime.now(UTC).date()
    await add(pg, "follows", follower_id=bob, following_id=alice)
    for who, mood in ((alice, "curious"), (bob, "inspired")):
        await add(pg, "reactions", post_id=post_id, user_id=who, reaction_type=mood)
        await add(pg, "post_views", post_id=post_id, user_id=who, day=today, times=3)
    await add(pg, "comment_likes", comment_id=first, user_id=alice)
    await add(pg, "post_shares", share_id=uuid4(), post_id=post_id, user_id=bob, via="link")
    await add(pg, "bookmarks", post_id=post_id, user_id=bob)
    await add(pg, "polls", post_id=post_id, question="tea?")
    for number, label in enumerate(("yes", "no")):
        await add(pg, "poll_options", post_id=post_id, option_no=number, label=label)
    await add(pg, "poll_votes", post_id=post_id, user_id=bob, option_no=1)
    await add(pg, "story_views", story_id=story_id, user_id=bob)
    await add(pg, "story_reactions", story_id=story_id, user_id=bob, reaction_type="excited")
    await add(pg, "topics", topic_id=topic, topic_name="tea", display_name="Tea")
    await add(pg, "post_topics", post_id=post_id, topic_id=topic)
    await add(pg, "topic_follows", user_id=bob, topic_id=topic)
    return {
        "alice": alice, "bob": bob, "post": post_id, "story": story_id, "comment": first,
        "topic": topic, "talk": talk,
    }  # fmt: skip


async def recounted(db: Db) -> list[Comparison]:
    """The counters that are wrong."""
    found = []
    for counter in COUNTERS:
        async with db.tx() as tx:
            comparison = await compare(tx, counter)
        if comparison.wrong:
            found.append(comparison)
    return found


async def fold(db: Db) -> None:
    while await Counters(db).turn():
        pass


async def count(pg: asyncpg.Connection, table: str) -> int:
    counted: int = await pg.fetchval(f"select count(*) from {table}")
    return counted
