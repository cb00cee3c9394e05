"""Once a minute: remove for good what was deleted, or has expired, long enough ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lumina_protocol.errors import Unavailable

from lumina_rt.config import Settings
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import Query, query
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.erasure import Erasure
from lumina_rt.workers.pace import pause

CLOCK = query("purge.clock")
PATIENTLY = query("purge.patiently")
POSTS = query("purge.posts")
DELETED_COMMENTS = query("purge.deleted_comments")
COMMENTS = query("purge.comments")
DELETED_STORIES = query("purge.deleted_stories")
DELETED_MEDIA = query("purge.deleted_media")
MEDIA = query("purge.media")
EXPIRED_UPLOADS = query("purge.expired_uploads")
UNUSED_MEDIA = query("purge.unused_media")
UNUSED = query("purge.unused")
SESSIONS = query("purge.sessions")
ACCESS_TOKENS = query("purge.access_tokens")
ACCOUNT_TOKENS = query("purge.account_tokens")
USERNAME_HISTORY = query("purge.username_history")
NOTIFICATIONS = query("purge.notifications")
USER_EVENTS = query("purge.user_events")
MESSAGE_EDITS = query("purge.message_edits")
MAILS = query("purge.mails")
SCHEDULED = query("purge.scheduled_messages")
POST_DRAFTS = query("purge.post_drafts")
EXPIRED_STORIES = query("purge.expired_stories")
STORIES = query("purge.stories")

EVERY_S = 60.0
BATCH = 500
LOOKED_AT = 2000
"""Media of which it is asked whether they are used; most are."""
CASCADE_BATCH = 50
"""Of rows that take others with them."""
STREAM_DAYS = 30
"""A client that was away for longer fetches its personal stream anew."""
EDITS_DAYS = 30

Batch = Callable[[Tx, datetime, int], Awaitable[int]]
"""Removes at most that many rows of before that moment, and returns how many there were."""


def plain(statement: Query) -> Batch:
    async def remove(tx: Tx, before: datetime, batch: int) -> int:
        return int((await tx.one(statement, before=before, batch=batch))["removed"])

    return remove


def locked(find: Query, statement: Query) -> Batch:
    """In two statements: the second one's snapshot is taken when what it removes is locked, so
    it sees who came to refer to it since the first one's."""

    async def remove(tx: Tx, before: datetime, batch: int) -> int:
        found = [row[0] for row in await tx.all(find, before=before, batch=batch)]
        return int((await tx.one(statement, found=found))["removed"])

    return remove


@dataclass(frozen=True, slots=True)
class Step:
    table: str
    remove: Batch
    keep: timedelta
    batch: int = BATCH


def steps(settings: Settings) -> list[Step]:
    """Things before the media that they use."""
    keep = timedelta(days=settings.purge_after_days)
    unused = timedelta(days=settings.media_unused_days)
    notifications = timedelta(days=settings.notifications_keep_days)
    return [
        Step("posts", plain(POSTS), keep, CASCADE_BATCH),
        Step("comments", locked(DELETED_COMMENTS, COMMENTS), keep),
        Step("stories", plain(DELETED_STORIES), keep, CASCADE_BATCH),
        Step("stories", locked(EXPIRED_STORIES, STORIES), keep, CASCADE_BATCH),
        Step("media_objects", locked(DELETED_MEDIA, MEDIA), keep),
        Step("media_objects", locked(EXPIRED_UPLOADS, MEDIA), timedelta(0)),
        Step("media_objects", locked(UNUSED_MEDIA, UNUSED), unused, LOOKED_AT),
        Step("sessions", plain(SESSIONS), keep),
        Step("access_tokens", plain(ACCESS_TOKENS), keep),
        Step("account_tokens", plain(ACCOUNT_TOKENS), keep),
        Step("mails", plain(MAILS), keep),
        Step("scheduled_messages", plain(SCHEDULED), keep),
        Step("post_drafts", plain(POST_DRAFTS), keep),
        Step("username_history", plain(USERNAME_HISTORY), timedelta(0)),
        Step("notifications", plain(NOTIFICATIONS), notifications),
        Step("user_events", plain(USER_EVENTS), timedelta(days=STREAM_DAYS)),
        Step("message_edits", plain(MESSAGE_EDITS), timedelta(days=EDITS_DAYS)),
    ]


@dataclass(slots=True)
class Purge:
    db: Db
    settings: Settings
    telemetry: Telemetry

    async def run(self) -> None:
        while True:
            await pause(EVERY_S)
            await self.turn()

    async def turn(self, now: datetime | None = None) -> None:
        """One round, as of `now` (default: the database's clock). What fails is logged and tried
        again in the next; other steps go on."""
        if now is None and (now := await self._clock()) is None:
            return
        for step in steps(self.settings):
            try:
                await self._drain(step, now - step.keep)
            except Exception as error:
                self.telemetry.task_failed(f"purge.{step.table}", error, EVERY_S)
        try:
            await Erasure(self.db, self.telemetry).turn(now)
        except Exception as error:
            self.telemetry.task_failed("purge.users", error, EVERY_S)

    async def _clock(self) -> datetime | None:
        """None when Postgres is away: told once, and not by each step."""
        try:
            async with self.db.read() as tx:
                now: datetime = (await tx.one(CLOCK))["now"]
        except Unavailable as error:
            self.telemetry.task_failed("purge", error, EVERY_S)
            return None
        return now

    async def _drain(self, step: Step, before: datetime) -> None:
        """Batch after batch, a transaction each, while they are full."""
        total, full = 0, True
        try:
            while full:
                async with self.db.tx() as tx:
                    await tx.run(PATIENTLY)
                    removed = await step.remove(tx, before, step.batch)
                total += removed
                full = removed >= step.batch
        finally:
            self.telemetry.purged(step.table, total)
