"""Some times a second: look in the outbox for what users are to be notified of, and tell it.

Several nodes may do it at once: one has the turn of reading the outbox, and of the receivers each
passes by those whom another has locked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumina_rt import causes
from lumina_rt.notifying import PAUSE_S, fold, notify
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

BEGIN = query("message_notifications.begin")
TURN = query("message_notifications.turn")
TAIL = query("outbox.tail")
MOVED = query("message_notifications.moved")
LOOK = query("message_notifications.look")
LOOK_AT_DELETED = query("message_notifications.look_at_deleted")
LOOK_AFTER_READING = query("message_notifications.look_after_reading")
DUE = query("notifications.due")
ORPHANS = query("notifications.orphans")
ANNOUNCEMENT = query("notifications.announcement")
ANNOUNCE = query("notifications.announce")
ANNOUNCED = query("notifications.announced")
ALL_ANNOUNCED = query("notifications.all_announced")

EVERY_S = 0.25
LIMIT = 1000
"""Rows of the outbox that are read at once."""
RECEIVERS = 200
"""Causes of which the receivers are looked at in one transaction."""
FOLLOWERS = 500
"""Who are told of a post in one transaction."""
CLEAN_EVERY = 1000


@dataclass(slots=True)
class Notifications:
    db: Db
    after_s: float
    """How long a message has to be unread before it is told of."""
    turns: int = 0

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            if not await self.turn():
                await asyncio.sleep(EVERY_S)

    async def turn(self) -> bool:
        """True when there may be more to do at once."""
        self.turns += 1
        more = await self._follow()
        if self.turns % CLEAN_EVERY == 0:
            async with self.db.tx() as tx:
                await tx.run(ORPHANS)
        more = await self._announce() or more
        return await self._fold() or more

    async def _follow(self) -> bool:
        """What has been committed since the last turn, of whichever node."""
        async with self.db.tx() as tx:
            if self.turns % CLEAN_EVERY == 1:
                await tx.run(BEGIN)
            if (place := await tx.maybe(TURN)) is None:
                return False
            rows = await tx.all(TAIL, **place, limit=LIMIT)
            rows = [row for row in rows if row["outbox_id"] is not None]
            if rows:
                await self._look(tx, rows)
                await tx.run(MOVED, xid=rows[-1]["xid"], outbox_id=rows[-1]["outbox_id"])
        return len(rows) == LIMIT

    async def _look(self, tx: Tx, rows: Sequence[Row]) -> None:
        ranges = [row for row in rows if row["conversation_id"] is not None]
        if ranges:
            what = {
                "conversation_ids": [row["conversation_id"] for row in ranges],
                "revs": [row["from_rev"] for row in ranges],
                "upto_revs": [row["to_rev"] for row in ranges],
            }
            await tx.run(LOOK, after_s=self.after_s, pause_s=PAUSE_S, **what)
            await tx.run(LOOK_AT_DELETED, **what)
        own = [
            pair
            for row in rows
            if row["user_ids"]
            for pair in zip(row["user_ids"], row["user_revs"] or (), strict=False)
        ]
        if own:
            users, revs = zip(*own, strict=True)
            await tx.run(LOOK_AFTER_READING, user_ids=list(users), revs=list(revs))

    async def _announce(self) -> bool:
        """A new post, to some of those who follow its author. True when there may be more."""
        async with self.db.tx() as tx:
            if (new := await tx.maybe(ANNOUNCEMENT)) is None:
                return False
            where = {"user_id": new["author_id"], "told_upto": new["told_upto"]}
            rows = await tx.all(ANNOUNCE, limit=FOLLOWERS, **where)
            found = [row["follower_id"] for row in rows]
            await notify(tx, causes.posted(new["author_id"], new["post_id"], found))
            if len(found) == FOLLOWERS:
                await tx.run(ANNOUNCED, post_id=new["post_id"], told_upto=found[-1])
            else:
                await tx.run(ALL_ANNOUNCED, post_id=new["post_id"])
        return True

    async def _fold(self) -> bool:
        async with self.db.tx() as tx:
            users = await tx.all(DUE, batch=RECEIVERS)
            if not users:
                return False
            return await fold(tx, [row["user_id"] for row in users]) > 0
