"""What is left of a deleted account when the time is over in which it can be restored: nothing but
a number, a name that says so, and what was said to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Note, Person

from lumina_rt import commenting, notes
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry
from lumina_rt.usernames import erased_name, lock_told, tell_companions

DUE = query("erasure.due")
PATIENTLY = query("purge.patiently")
MANY = (
    query("erasure.follows"),
    query("erasure.followers"),
    query("erasure.blocked_by"),
    query("erasure.follow_requests"),
    query("erasure.asked_to_follow"),
    query("erasure.reactions"),
    query("erasure.bookmarks"),
    query("erasure.topic_follows"),
    query("erasure.poll_votes"),
    query("erasure.post_mentions"),
    query("erasure.post_coauthors"),
    query("erasure.post_shares"),
    query("erasure.message_hides"),
    query("erasure.message_mentions"),
    query("erasure.notifications"),
    query("erasure.caused_notifications"),
    query("erasure.notification_groups"),
    query("erasure.notification_preferences"),
    query("erasure.op_keys"),
    query("erasure.user_events"),
    query("erasure.posts"),
    query("erasure.stories"),
    query("erasure.media"),
)
"""Of which a user may have much: a batch of each in one transaction."""
LIKED = query("erasure.liked")
LIKES = query("erasure.comment_likes")
COMMENTED = query("erasure.commented")
COMMENTS = query("erasure.comments")
BELONGINGS = query("erasure.belongings")
AUDIENCES = query("erasure.audiences")
SETTINGS = query("erasure.settings")
ACCOUNT = query("erasure.account")

OWNED = query("erasure.owned")
LOCK = query("conversations.lock")
STEP_DOWN = query("erasure.step_down")
HEIR = query("members.heir")

BATCH = 500
POSTS = 50
GROUPS = 20
"""That are given other owners in one transaction: it holds the lock of each."""


@dataclass(slots=True)
class Erasure:
    """Several nodes may do it at once: each takes another account. One that was begun and not
    finished is taken up again, and what is gone already is passed by."""

    db: Db
    telemetry: Telemetry

    async def turn(self, now: datetime) -> None:
        """Erase all whose time was over before `now`, a transaction for each batch."""
        erased = 0
        try:
            while (done := await self._step(now)) is not None:
                erased += done
        finally:
            self.telemetry.purged("users", erased)

    async def _step(self, now: datetime) -> int | None:
        """How many accounts are erased by now: one, or none yet. None when none is due."""
        async with self.db.tx() as tx:
            await tx.run(PATIENTLY)
            due = await tx.maybe(DUE, before=now)
            if due is None:
                return None
            for part in (self._unsay, self._unlike, self._remove, self._pass_on):
                if await part(tx, due["user_id"]):
                    return 0
            await self._finish(tx, due["user_id"])
            return 1

    async def _unsay(self, tx: Tx, user_id: UUID) -> bool:
        """Whether there were comments. The posts first, in the order of their ids."""
        rows = await tx.all(COMMENTED, user_id=user_id, batch=POSTS)
        for row in rows:
            await commenting.lock(tx, row["post_id"])
        for row in rows:
            where = {"post_id": row["post_id"], "user_id": user_id}
            gone = await tx.all(COMMENTS, batch=BATCH, **where)
            named = {one["comment_id"] for one in gone} | {one["parent_comment_id"] for one in gone}
            if named := named - {None}:
                await commenting.number(tx, row["post_id"], sorted(named))
        return bool(rows)

    async def _unlike(self, tx: Tx, user_id: UUID) -> bool:
        """Whether there were likes of comments. The posts first, likewise."""
        rows = await tx.all(LIKED, user_id=user_id, batch=POSTS)
        for row in rows:
            await commenting.lock(tx, row["post_id"])
        for row in rows:
            gone = await tx.all(LIKES, user_id=user_id, comment_ids=row["comment_ids"])
            if gone:
                ids = sorted(one["comment_id"] for one in gone)
                await commenting.number(tx, row["post_id"], ids)
        return bool(rows)

    async def _remove(self, tx: Tx, user_id: UUID) -> bool:
        """Whether there was anything."""
        counts = [(await tx.one(each, user_id=user_id, batch=BATCH))["removed"] for each in MANY]
        return any(counts)

    async def _pass_on(self, tx: Tx, user_id: UUID) -> bool:
        """Whether there were groups that they owned. Before the account: conversations are locked
        before users."""
        owned = await tx.all(OWNED, user_id=user_id, batch=GROUPS)
        for row in owned:
            await tx.run(LOCK, conversation_id=row["conversation_id"])
            if await tx.maybe(STEP_DOWN, conversation_id=row["conversation_id"], user_id=user_id):
                await self._note_heir(tx, row["conversation_id"], user_id)
        return bool(owned)

    async def _note_heir(self, tx: Tx, conversation_id: UUID, user_id: UUID) -> None:
        heir = await tx.maybe(HEIR, conversation_id=conversation_id, leaver_id=user_id)
        text = "The account of an owner of this group was deleted."
        if heir:
            text += f" {await notes.name(tx, heir['user_id'])} owns the group now."
        note = Note(
            kind="role",
            people=[Person(user_id=user_id, username=erased_name(user_id))],
            role="member",
            owner_id=heir["user_id"] if heir else None,
        )
        id_ = uuid7()
        await notes.add(tx, conversation_id, user_id, id_, text, note, digest=id_.bytes)

    async def _finish(self, tx: Tx, user_id: UUID) -> None:
        await lock_told(tx, user_id)
        for statement in (BELONGINGS, AUDIENCES, SETTINGS):
            await tx.run(statement, user_id=user_id)
        account = await tx.one(ACCOUNT, user_id=user_id)
        await tell_companions(tx, user_id, account["username"])
