"""Who watches their home feed on this node is told, once a second at most, of new posts.

Who publishes a post marks it, on all nodes. A node asks once a tick, for all who watch and all that
was marked, in whose feed it is: there is no row for each follower. A mark may be lost: what was
published in the last minute is looked up now and then, and every second while Redis is away.

What users see of each other may change while we ask: of those nothing is told then, and their posts
are asked for again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.codec import Codec
from lumina_protocol.errors import Unavailable
from lumina_protocol.feed import MAX_NEW, FeedNew, NewPost
from lumina_protocol.frame import Event

from lumina_rt.bus.entry import ALL_SUBJECTS
from lumina_rt.hub import Receiver
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query
from lumina_rt.streams import owner, published

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

READERS = query("feed.readers")
RECENT = query("feed.recent")

EVERY_S = 1.0
SWEEP_S = 15.0
LATE_MS = 60_000
"""So long after its id was made a post may be committed, and be found by a sweep."""
POSTS_AT_ONCE = 50
READERS_AT_ONCE = 2000
MAX_RECENT = 5000
LOOK = FeedNew(posts=[], limited=True)


@dataclass(slots=True)
class Feeds:
    """`run` is a loop to be kept running."""

    db: Db
    frame: Callable[[Codec, bytes], bytes]
    bus_is_well: Callable[[], bool]
    _lines: dict[Receiver, UUID] = field(default_factory=dict)
    _readers: dict[UUID, set[Receiver]] = field(default_factory=dict)
    _marked: set[UUID] = field(default_factory=set)
    _asked: dict[UUID, float] = field(default_factory=dict)
    """Posts that were asked for, and when: a sweep leaves them out."""
    _changed: set[UUID] = field(default_factory=set)
    """Users of whom something else is to be seen than when we began to ask."""
    _behind: set[Receiver] = field(default_factory=set)
    """Who reads too slowly for what was told last."""
    _swept_at: float = field(default_factory=time.monotonic)
    _swept_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    _sweep_now: bool = False

    def mark(self, subject_ids: Collection[UUID]) -> None:
        """What is there of posts that were published, and of users, see `Tx.sees_changed`."""
        if not self._readers:
            return
        for subject_id in subject_ids:
            if subject_id == ALL_SUBJECTS:
                self._sweep_now = True
            elif post_id := published(subject_id):
                self._marked.add(post_id)
            elif user_id := owner(subject_id):
                self._changed.add(user_id)

    def missed(self) -> None:
        """Anything may have been published, and we were not told what."""
        self._sweep_now = True

    def watch(self, user_id: UUID, line: Receiver) -> FeedNew:
        """From now on it is told; what is there already, `feed.home` tells."""
        if not self._readers:
            self._swept_at, self._swept_ms = time.monotonic(), int(time.time() * 1000)
        self._lines[line] = user_id
        self._readers.setdefault(user_id, set()).add(line)
        return LOOK

    def unwatch(self, line: Receiver) -> bool:
        user_id = self._lines.pop(line, None)
        self._behind.discard(line)
        if user_id is None:
            return False
        self._readers[user_id].discard(line)
        if not self._readers[user_id]:
            del self._readers[user_id]
        return True

    def left(self, line: Receiver) -> None:
        self.unwatch(line)

    async def run(self) -> None:
        while True:
            await self.turn()
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> None:
        """Tell what was published since the last one. When the store is away, later."""
        if not self._readers:
            self._marked.clear()
            return
        for line in tuple(self._behind):
            self._whisper([line], LOOK)
        try:
            await self._sweep()
            waiting = sorted(self._marked)
            for start in range(0, len(waiting), POSTS_AT_ONCE):
                await self._ask(waiting[start : start + POSTS_AT_ONCE])
        except Unavailable:
            return

    async def _sweep(self) -> None:
        now = time.monotonic()
        every = SWEEP_S if self.bus_is_well() else EVERY_S
        if now - self._swept_at < every and not self._sweep_now:
            return
        self._sweep_now = False
        began_ms, since_ms = int(time.time() * 1000), self._swept_ms - LATE_MS
        try:
            async with self.db.read() as tx:
                rows = await tx.all(RECENT, since_ms=since_ms, limit=MAX_RECENT)
        except Unavailable:
            self._sweep_now = True
            raise
        self._marked.update(row["post_id"] for row in rows if row["post_id"] not in self._asked)
        keep_s = 2 * (SWEEP_S + LATE_MS / 1000)
        self._asked = {post: at for post, at in self._asked.items() if now - at < keep_s}
        self._swept_at, self._swept_ms = now, began_ms

    async def _ask(self, posts: list[UUID]) -> None:
        self._marked.difference_update(posts)
        readers = list(self._readers)
        try:
            for start in range(0, len(readers), READERS_AT_ONCE):
                await self._tell(readers[start : start + READERS_AT_ONCE], posts)
        except Unavailable:
            self._marked.update(posts)
            raise
        self._asked.update(dict.fromkeys(posts, time.monotonic()))

    async def _tell(self, readers: list[UUID], posts: list[UUID]) -> None:
        self._changed.clear()
        async with self.db.read() as tx:
            rows = await tx.all(READERS, user_ids=readers, post_ids=posts)
        told: dict[UUID, list[Row]] = defaultdict(list)
        for row in rows:
            if self._changed.isdisjoint((row["user_id"], row["author_id"])):
                told[row["user_id"]].append(row)
            else:
                self._marked.add(row["post_id"])
        for user_id, found in told.items():
            self._whisper(self._readers.get(user_id, ()), _new(found))

    def _whisper(self, lines: Collection[Receiver], event: Event) -> None:
        for line in lines:
            if line.whisper(self.frame(line.codec, line.codec.event(event))):
                self._behind.discard(line)
            else:
                self._behind.add(line)


def _new(rows: list[Row]) -> FeedNew:
    posts = [NewPost(post_id=row["post_id"], author_id=row["author_id"]) for row in rows]
    return FeedNew(posts=posts[-MAX_NEW:], limited=len(posts) > MAX_NEW)
