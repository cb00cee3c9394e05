"""Once a second: add what is pending in counter_deltas to the counters, and tell who has reached a
milestone by it. And what `recount` asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from lumina_rt import causes
from lumina_rt.store.db import Db, Tx
from lumina_rt.store.queries import query

FOLD = query("counters.fold")
RECOUNTING = query("counters.recounting")
COMPARE = query("counters.compare")
PATIENTLY = query("counters.patiently")

EVERY_S = 1.0
BATCH = 1000
MEMBERS = ("conversations.member_count",)
MEMBERS_BATCH = 50
"""Whoever sends to one of these conversations waits until the batch has committed."""
ROUND = 100
"""Batches of the others until it is the turn of the members again."""

MOODS = ("inspired", "grateful", "curious", "excited", "thoughtful")
COUNTERS = (
    "users.follower_count",
    "users.following_count",
    "users.post_count",
    *(f"posts.reactions_{mood}" for mood in MOODS),
    "posts.comment_count",
    "posts.share_count",
    "posts.view_count",
    "comments.reply_count",
    "comments.like_count",
    "poll_options.vote_count",
    "stories.view_count",
    "stories.reaction_count",
    "topics.post_count",
    "topics.follower_count",
    *MEMBERS,
)
"""Those that can be counted again. A delta of another name waits for a node that knows it."""
STATISTICS = ("post_analytics.views", "post_analytics.saves")
OTHERS = tuple(name for name in (*COUNTERS, *STATISTICS) if name not in MEMBERS)


@dataclass(slots=True)
class Counters:
    db: Db
    batch: int = BATCH

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away."""
        more = False
        while True:
            await asyncio.sleep(0 if more else EVERY_S)
            more = await self.turn()

    async def turn(self) -> bool:
        """One round; True when there may be more to do at once."""
        more = await self._drain(OTHERS, self.batch)
        return await self._drain(MEMBERS, min(self.batch, MEMBERS_BATCH)) or more

    async def _drain(self, counters: tuple[str, ...], batch: int) -> bool:
        """Batch after batch, a transaction each, while they are full. What a batch had to leave
        lies behind `after`, so that it does not hold up the rest."""
        after = 0
        for _ in range(ROUND):
            async with self.db.tx() as tx:
                done = await tx.one(FOLD, after=after, counters=counters, batch=batch)
                for one in done["milestones"] or ():
                    await causes.milestone(tx, **one)
            if done["seen"] < batch:
                return False
            after = done["last"]
        return True


@dataclass(frozen=True, slots=True)
class Example:
    """A row whose counter says `value`, where `truth` rows are counted."""

    subject_id: UUID
    part: int
    value: int
    truth: int


@dataclass(frozen=True, slots=True)
class Comparison:
    counter: str
    compared: int
    wrong: int
    difference: int
    """The sum of truth - value over all that are wrong."""
    examples: tuple[Example, ...]
    """At most three, the worst first."""


async def may_mend(tx: Tx) -> bool:
    """Take the turn of mending until this transaction ends; False: somebody else is at it."""
    return bool((await tx.one(RECOUNTING))["mine"])


async def compare(tx: Tx, counter: str, *, fix: bool = False) -> Comparison:
    """One of COUNTERS, in the snapshot of one statement: right also while others write. With `fix`
    the differences become deltas, which the next fold adds; the caller has asked `may_mend`."""
    await tx.run(PATIENTLY)
    row = await tx.one(COMPARE, counter=counter, fix=fix)
    examples = tuple(
        Example(UUID(e["subject_id"]), e["part"], e["value"], e["truth"]) for e in row["examples"]
    )
    return Comparison(counter, row["compared"], row["wrong"], row["difference"], examples)
