from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog.testing

from lumina_rt.config import Settings
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.purge import CASCADE_BATCH, Purge, steps
from tests.workers.rows import (
    add,
    comment,
    conversation,
    count,
    database,
    deleted,
    everything,
    media,
    post,
    scheduled,
    story,
    user,
)

Log = list[MutableMapping[str, Any]]
NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
MS = timedelta(milliseconds=1)
DAY = timedelta(days=1)
DUE = NOW - 30 * DAY - MS

# When a row of each table was deleted, or ended, or came.
SINCE = {
    "posts": "deleted_at",
    "comments": "deleted_at",
    "stories": "coalesce(deleted_at, expires_at)",
    "media_objects": "deleted_at",
    "sessions": "coalesce(revoked_at, expires_at)",
    "access_tokens": "revoked_at",
    "account_tokens": "expires_at",
    "mails": "coalesce(sent_at, failed_at)",
    "scheduled_messages": "sent_at",
    "post_drafts": "published_at",
    "username_history": "held_until",
    **dict.fromkeys(("notifications", "user_events"), "created_at"),
    "message_edits": "edited_at",
}
KEPT = {"username_history": 0 * DAY, "notifications": 90 * DAY}


@asynccontextmanager
async def purger(settings: Settings, size: int = 1) -> AsyncIterator[Purge]:
    async with database(settings, size) as db:
        yield Purge(db, settings, Telemetry("test"))


@pytest.fixture
def logged() -> Iterator[Log]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def purged(one: Purge, table: str) -> float:
    return one.telemetry.registry.get_sample_value("lumina_purged_total", {"table": table}) or 0


def failures(one: Purge, task: str) -> float:
    name = "lumina_task_failures_total"
    return one.telemetry.registry.get_sample_value(name, {"task": task}) or 0


async def left(pg: asyncpg.Connection) -> dict[str, list[datetime]]:
    """The moments of the rows that are left, of each table that is purged."""
    found = {}
    for table, since in SINCE.items():
        rows = await pg.fetch(f"select {since} as since from {table} where {since} is not null")
        found[table] = sorted(row["since"] for row in rows)
    return found


async def all_of(pg: asyncpg.Connection, early: timedelta) -> dict[str, list[datetime]]:
    """Of each table a row due `early` after NOW, or two of two ways to end. Returns the moments."""
    at = {table: NOW - KEPT.get(table, 30 * DAY) + early for table in SINCE}
    when = at["posts"]
    who = await user(pg)
    here = await post(pg, who)
    await post(pg, who, **deleted(when))
    await comment(pg, here, who, **deleted(when))
    await story(pg, who, created_at=NOW, expires_at=NOW, **deleted(when))
    await story(pg, who, created_at=when - DAY, expires_at=when)
    await media(pg, who, **deleted(when))
    await session(pg, who, expires_at=when)
    await session(pg, who, expires_at=NOW + 99 * DAY, revoked_at=when)
    await add(
        pg, "access_tokens", token_id=uuid4(), user_id=who, name="bot",
        token_digest=uuid4().bytes * 2, revoked_at=when,
    )  # fmt: skip
    await add(
        pg, "account_tokens", token_digest=uuid4().bytes * 2, user_id=who, expires_at=when,
        purpose="verify_email",
    )  # fmt: skip
    await add(pg, "mails", mail_id=uuid4(), user_id=who, purpose="verify_email", sent_at=when)
    await add(pg, "mails", mail_id=uuid4(), user_id=who, purpose="verify_email", failed_at=when)
    await add(
        pg, "username_history", username_key="x", user_id=who, held_until=at["username_history"]
    )
    await notify(pg, who, at["notifications"])
    await happen(pg, who, when)
    await edit(pg, who, when)
    await scheduled(pg, who, sent_at=when)
    await add(
        pg, "post_drafts", draft_id=uuid4(), user_id=who, body="{}", post_id=uuid4(),
        published_at=when,
    )  # fmt: skip
    twice = ("stories", "sessions", "mails")
    return {table: [at[table]] * (2 if table in twice else 1) for table in SINCE}


async def session(pg: asyncpg.Connection, user_id: UUID, **values: object) -> UUID:
    session_id = uuid4()
    await add(pg, "sessions", session_id=session_id, user_id=user_id, **values)
    digest = session_id.bytes * 2
    await add(pg, "refresh_tokens", token_digest=digest, session_id=session_id, user_id=user_id)
    return session_id


async def notify(pg: asyncpg.Connection, user_id: UUID, at: datetime) -> None:
    key = uuid4().hex
    await add(pg, "notification_groups", user_id=user_id, group_key=key, notification_type="system")
    await add(
        pg, "notifications", notification_id=uuid4(), user_id=user_id, group_key=key,
        notification_type="system", title="hello", created_at=at,
    )  # fmt: skip


async def happen(pg: asyncpg.Connection, user_id: UUID, *moments: datetime) -> None:
    """Events of one's personal stream, numbered as they come."""
    for at in moments:
        rev = await pg.fetchval(
            "update user_streams set last_rev = last_rev + 1 where user_id = $1 returning last_rev",
            user_id,
        )
        await pg.execute(
            "insert into user_events (user_id, rev, event_type, body, created_at) "
            "values ($1, $2, 'x', '{}', $3)",
            user_id, rev, at,
        )  # fmt: skip


async def edit(pg: asyncpg.Connection, user_id: UUID, at: datetime) -> None:
    talk = await conversation(pg, user_id)
    await add(
        pg, "messages", conversation_id=talk, message_id=uuid4(), seq=1, rev=2, sender_id=user_id,
        content="now", content_digest=bytes(16),
    )  # fmt: skip
    await add(pg, "message_edits", conversation_id=talk, seq=1, rev=1, content="then", edited_at=at)


async def test_what_is_due_goes_and_a_millisecond_before_it_stays(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    due, not_yet = await all_of(pg, -MS), await all_of(pg, 0 * MS)
    before = await left(pg)
    assert {table: len(moments) for table, moments in before.items()} == {
        table: len(due[table]) + len(not_yet[table]) for table in SINCE
    }
    async with purger(settings) as one:
        await one.turn(NOW)
        assert await left(pg) == not_yet
        assert {line["table"]: line["rows"] for line in logged} == {
            table: 1 if table == "stories" else len(due[table]) for table in SINCE
        }
        assert {table: purged(one, table) for table in SINCE} == {
            table: len(moments) for table, moments in due.items()
        }
        await one.turn(NOW + MS)
        assert await left(pg) == {table: [] for table in SINCE}
    assert failed(logged) == []
    assert await count(pg, "posts") == 2, "those that nobody has deleted"
    assert await count(pg, "media_objects") == 4, "the stories'"
    assert await count(pg, "refresh_tokens") == 0
    assert await count(pg, "messages") == 2


def failed(logged: Log) -> list[str]:
    return [line["task"] for line in logged if line["event"] == "background task failed"]


async def test_what_nobody_deleted_stays_for_ever(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    ids = await everything(pg)
    await pg.execute("update stories set created_at = $1, expires_at = $1", NOW)
    tables = ["posts", "comments", "stories", "media_objects", "users", "conversations"]
    before = [await count(pg, table) for table in tables]
    await session(pg, ids["alice"], expires_at=NOW + 3000 * DAY)
    async with purger(settings) as one:
        await one.turn(NOW + 30 * DAY)
    assert [await count(pg, table) for table in tables] == before
    assert await count(pg, "sessions") == 1


REFERRING = """
select conrelid::regclass::text as name from pg_constraint
where confrelid = $1::text::regclass and conparentid = 0 and conrelid <> confrelid order by 1"""


async def test_a_post_goes_with_all_that_hangs_on_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    ids = await everything(pg)
    await pg.execute("update stories set created_at = $1, expires_at = $1", NOW)
    used = [await media(pg, ids["alice"]) for _ in range(3)]
    shown = await comment(pg, ids["post"], ids["bob"], media_id=used[1], media_type="image")
    other = await post(pg, ids["bob"])
    kept = await comment(pg, other, ids["bob"], media_id=used[2], media_type="image")
    for media_id, subject_type, subject_id in (
        (used[0], "post", ids["post"]),
        (used[1], "comment", shown),
        (used[2], "comment", kept),
        (used[2], "post", other),
    ):
        await add(
            pg, "media_refs", media_id=media_id, subject_type=subject_type, subject_id=subject_id
        )
    await pg.execute(
        "update posts set is_deleted = true, deleted_at = $1 where post_id = $2", DUE, ids["post"]
    )
    hanging = [row["name"] for row in await pg.fetch(REFERRING, "posts")]
    assert {"reactions", "comments", "polls", "bookmarks"} <= set(hanging)
    async with purger(settings) as one:
        await one.turn(NOW)
        assert purged(one, "posts") == 1
    left_over = {
        table: await pg.fetchval(f"select count(*) from {table} where post_id = $1", ids["post"])
        for table in hanging
    }
    assert left_over == dict.fromkeys(hanging, 0)
    assert [row[0] for row in await pg.fetch("select comment_id from comments")] == [kept]
    refs = await pg.fetch("select subject_id from media_refs")
    assert {row[0] for row in refs} == {ids["story"], kept, other}
    assert await count(pg, "media_objects") == 4, "they are the collector's"


async def test_a_tombstone_stays_until_the_last_reply_is_gone(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    who = await user(pg)
    first = await comment(pg, await post(pg, who), who, **deleted(DUE))
    post_id = await pg.fetchval("select post_id from comments")
    reply = await comment(pg, post_id, who, to=first)
    async with purger(settings) as one:
        await one.turn(NOW)
        assert await count(pg, "comments") == 2
        change = "update comments set is_deleted = true, deleted_at = $1 where comment_id = $2"
        await pg.execute(change, DUE, reply)
        await one.turn(NOW)
        assert [row[0] for row in await pg.fetch("select comment_id from comments")] == [first]
        await one.turn(NOW)
    assert await count(pg, "comments") == 0


async def test_a_story_in_a_highlight_stays_unless_it_was_deleted(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    who, highlight = await user(pg), uuid4()
    await add(pg, "story_highlights", highlight_id=highlight, user_id=who, title="best")
    old = {"created_at": DUE - DAY, "expires_at": DUE}
    kept = await story(pg, who, **old)
    for story_id in (kept, await story(pg, who, **old, **deleted(DUE))):
        await add(pg, "story_highlight_items", highlight_id=highlight, story_id=story_id)
    async with purger(settings) as one:
        await one.turn(NOW)
        assert [row[0] for row in await pg.fetch("select story_id from stories")] == [kept]
        refs = await pg.fetch("select subject_id from media_refs")
        assert [row[0] for row in refs] == [kept]
        await pg.execute("delete from story_highlight_items")
        await one.turn(NOW)
    assert await count(pg, "stories") == await count(pg, "media_refs") == 0


async def test_media_in_use_stay_and_the_bytes_of_others_follow(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    who = await user(pg)
    here = await post(pg, who)
    gone = deleted(DUE)
    free = await media(pg, who, **gone)
    stored = await media(pg, who, **gone, storage_key="uploads/b")
    ref, commented, storied, covering, icon = [await media(pg, who, **gone) for _ in range(5)]
    await add(pg, "media_refs", media_id=ref, subject_type="message", subject_id=uuid4())
    await comment(pg, here, who, media_id=commented, media_type="image")
    await add(
        pg, "stories", story_id=uuid4(), user_id=who, media_id=storied, media_type="image",
        created_at=NOW, expires_at=NOW,
    )  # fmt: skip
    await add(
        pg, "story_highlights", highlight_id=uuid4(), user_id=who, title="x",
        cover_media_id=covering,
    )  # fmt: skip
    await add(pg, "topics", topic_id=uuid4(), topic_name="t", display_name="T", icon_media_id=icon)
    async with purger(settings) as one:
        await one.turn(NOW)
        assert purged(one, "media_objects") == 2
        assert failures(one, "purge.media_objects") == 0
    found = {row[0] for row in await pg.fetch("select media_id from media_objects")}
    assert found == {ref, commented, storied, covering, icon}
    assert free not in found
    (left,) = await pg.fetch("select storage_key, media_id from blob_removals")
    assert tuple(left) == ("uploads/b", stored)


async def test_what_is_locked_is_passed_by_and_holds_nothing_up(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    locked = await all_of(pg, -MS)
    tables = [*SINCE, "user_streams"]
    async with purger(settings) as one:
        async with pg.transaction():
            for table in tables:
                if table != "user_events":  # whose lock is the stream's
                    await pg.execute(f"select from {table} for update")
            own = await asyncpg.connect(settings.database_url)
            await all_of(own, -MS)
            await own.close()
            async with asyncio.timeout(5):
                await one.turn(NOW)
            assert await left(pg) == locked
            assert purged(one, "posts") == purged(one, "user_events") == 1
        await one.turn(NOW)
    assert await left(pg) == {table: [] for table in SINCE}
    assert failed(logged) == []


async def test_what_is_being_referred_to_is_passed_by(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    who, highlight = await user(pg), uuid4()
    await add(pg, "story_highlights", highlight_id=highlight, user_id=who, title="best")
    tombstone = await comment(pg, await post(pg, who), who, **deleted(DUE))
    post_id = await pg.fetchval("select post_id from comments")
    old = await story(pg, who, created_at=DUE - DAY, expires_at=DUE)
    unused = await media(pg, who, **deleted(DUE))
    async with purger(settings) as one:
        async with pg.transaction():
            await comment(pg, post_id, who, to=tombstone)
            await add(pg, "story_highlight_items", highlight_id=highlight, story_id=old)
            await add(pg, "media_refs", media_id=unused, subject_type="user", subject_id=who)
            await one.turn(NOW)
        await one.turn(NOW)
    assert await count(pg, "comments") == 2
    assert await count(pg, "story_highlight_items") == await count(pg, "stories") == 1
    assert await count(pg, "media_refs") == await count(pg, "media_objects") == 2
    assert failed(logged) == []


async def many(pg: asyncpg.Connection) -> dict[str, int]:
    """More than two batches of what goes in small ones and in large ones."""
    who, several = await user(pg), 2 * CASCADE_BATCH + 20
    for _ in range(several):
        await post(pg, who, **deleted(DUE))
    await pg.execute(
        "insert into username_history (username_key, user_id, held_until) "
        "select n::text, $1, $2 from generate_series(1, 1200) n", who, DUE,
    )  # fmt: skip
    await pg.execute(
        "insert into user_events (user_id, rev, event_type, body, created_at) "
        "select $1, n, 'x', '{}', $2 from generate_series(1, 1200) n", who, DUE,
    )  # fmt: skip
    await pg.execute("update user_streams set last_rev = 1200")
    return {"posts": several, "username_history": 1200, "user_events": 1200}


async def test_a_backlog_goes_in_batches_a_transaction_each(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    there = await many(pg)
    async with purger(settings) as one:
        await one.turn(NOW)
        assert {table: purged(one, table) for table in there} == there
    assert [await count(pg, table) for table in there] == [0, 0, 0]
    written = await pg.fetch(
        "select count(*) from audit_log where table_name = 'posts' and op = 'delete' "
        "group by xid order by 1"
    )
    assert [row[0] for row in written] == [20, CASCADE_BATCH, CASCADE_BATCH]


async def test_two_at_once_remove_each_row_once(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    there = await many(pg)
    async with purger(settings) as one, purger(settings) as two:
        await asyncio.gather(one.turn(NOW), two.turn(NOW))
        await one.turn(NOW)
        assert {table: purged(one, table) + purged(two, table) for table in there} == there
    assert [await count(pg, table) for table in there] == [0, 0, 0]
    assert failed(logged) == []


async def test_a_step_that_fails_is_told_and_stops_no_other(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    await all_of(pg, -MS)
    await pg.execute("alter table sessions rename to away")
    async with purger(settings) as one:
        await one.turn(NOW)
        assert failed(logged) == ["purge.sessions"]
        assert failures(one, "purge.sessions") == 1
        await pg.execute("alter table away rename to sessions")
        found = await left(pg)
        assert [table for table in found if found[table]] == ["sessions"]
        await one.turn(NOW)
        assert failed(logged) == ["purge.sessions"]
    assert await count(pg, "sessions") == 0


async def test_an_outage_is_told_once(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    name = await pg.fetchval("select current_database()")
    async with purger(settings) as one:
        await pg.execute(f"alter database {name} connection limit 0")  # not for superusers
        await pg.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'lumina' and datname = current_database()"
        )
        await one.turn()
        assert failed(logged) == ["purge"]
        assert failures(one, "purge") == 1


async def test_the_time_is_the_databases(settings: Settings, pg: asyncpg.Connection) -> None:
    who = await user(pg)
    now = await pg.fetchval("select now()")
    for days in (29, 31):
        await post(pg, who, **deleted(now - days * DAY))
    async with purger(settings) as one:
        await one.turn()
    assert await pg.fetchval("select deleted_at from posts") == now - 29 * DAY
    assert await count(pg, "posts") == 1


async def test_the_times_are_settings(settings: Settings, pg: asyncpg.Connection) -> None:
    own = settings.model_copy(update={"purge_after_days": 3, "notifications_keep_days": 7})
    who = await user(pg)
    for days in (2, 4, 6, 8):
        at = NOW - days * DAY
        await post(pg, who, **deleted(at))
        await notify(pg, who, at)
    async with purger(own) as one:
        await one.turn(NOW)
    found = await left(pg)
    assert found["posts"] == [NOW - 2 * DAY]
    assert found["notifications"] == [NOW - 6 * DAY, NOW - 4 * DAY, NOW - 2 * DAY]
    assert {step.table for step in steps(settings)} == set(SINCE)


async def test_a_stream_is_forgotten_from_its_beginning(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice, bob, carol = [await user(pg) for _ in range(3)]
    await happen(pg, alice, DUE, NOW, DUE, NOW, NOW)  # the second was written late
    await happen(pg, bob, NOW, NOW)
    await happen(pg, carol, DUE, NOW)
    await pg.execute("update user_streams set purged_rev = 2 where user_id = $1", carol)
    async with purger(settings) as one:
        await one.turn(NOW)
        await one.turn(NOW)
        assert purged(one, "user_events") == 4
    streams = await pg.fetch("select user_id, last_rev, purged_rev from user_streams")
    assert {tuple(row) for row in streams} == {(alice, 5, 3), (bob, 2, 0), (carol, 2, 2)}
    events = await pg.fetch("select user_id, rev from user_events")
    assert {tuple(row) for row in events} == {
        (alice, 4), (alice, 5), (bob, 1), (bob, 2), (carol, 2)
    }  # fmt: skip


async def test_a_stream_that_is_written_to_keeps_its_events_and_its_number(
    settings: Settings, pg: asyncpg.Connection, logged: Log
) -> None:
    who = await user(pg)
    await happen(pg, who, DUE, NOW)
    async with purger(settings) as one:
        async with pg.transaction():
            await happen(pg, who, NOW)
            await one.turn(NOW)
            assert await count(pg, "user_events") == 3
            assert await pg.fetchval("select purged_rev from user_streams") == 0
            assert failed(logged) == [], "it was not waited for"
        await one.turn(NOW)
    assert await count(pg, "user_events") == 2
    assert await pg.fetchval("select purged_rev from user_streams") == 1
