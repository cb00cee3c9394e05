"""What a device knows of posts that it watches: states as they come, and comments it asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import orjson
from lumina_protocol.comments import Comment, SyncComments
from lumina_protocol.posts import GetPost, Post
from lumina_protocol.watches import PostState, WatchEnded

from tests.faults.lists import Ask
from tests.faults.log import Looked, Remark

WAIT_S = 0.1
SAYS = (
    "caption", "visibility", "allow_comments", "allow_reactions", "who_may_comment", "is_edited",
    "reactions", "comment_count", "share_count", "view_count",
)  # fmt: skip


class Boards:
    def __init__(self, ask: Ask, write: Callable[[Looked], None]) -> None:
        self.known: dict[UUID, int] = {}
        """Posts, and up to which rev all comments are known."""
        self.reading: dict[asyncio.Task[None], UUID] = {}
        self._states: dict[UUID, PostState] = {}
        """The newest that came."""
        self._upto: dict[UUID, int] = {}
        """Up to which rev comments were heard of."""
        self._ask, self._write = ask, write

    def expect(self, post: UUID) -> None:
        """It is about to be watched. Of its comments nothing is known."""
        self.known.setdefault(post, 0)

    def begin(self, state: PostState) -> None:
        """What a watch was answered; events may have been faster to be taken, and are later."""
        if state.post_id not in self._states:
            self.take(state)

    def end(self, post: UUID) -> None:
        for known in (self.known, self._states, self._upto):
            known.pop(post, None)

    def take(self, news: PostState | WatchEnded) -> None:
        if isinstance(news, WatchEnded):
            if news.subject_id in self.known:
                self.end(news.subject_id)
                self._write(Looked(time.monotonic(), news.subject_id, None))
            return
        post = news.post_id
        if (had := self.known.get(post)) is None:
            return
        self._states[post] = news
        self._upto[post] = max(news.comment_rev, self._upto.get(post, 0))
        hole = news.from_rev > had or news.comments_limited
        self._write(looked(news, () if hole else news.comments))
        if not hole:
            self.known[post] = max(had, news.comment_rev)
        elif post not in self.reading.values():
            task = asyncio.create_task(self._read(post))
            self.reading[task] = post
            task.add_done_callback(self.reading.pop)

    async def _read(self, post: UUID) -> None:
        while (had := self.known.get(post)) is not None and had < self._upto[post]:
            page: Any = await self._ask(SyncComments(post_id=post, after_rev=had))
            if post not in self.known:
                return
            if isinstance(page, str):
                await asyncio.sleep(WAIT_S)
                continue
            self._write(looked(self._states[post], page.comments))
            self.known[post] = max(self.known[post], page.to_rev)


def looked(state: PostState, comments: Iterable[Comment]) -> Looked:
    votes = state.poll.votes if state.poll else None
    return _looked(state, votes, state.comment_rev, comments)


def _looked(
    post: PostState | Post, votes: list[int] | None, rev: int, comments: Iterable[Comment]
) -> Looked:
    """Of comments without what is the reader's own: events do not have it."""
    says = {name: getattr(post, name) for name in SAYS} | {"votes": votes, "comment_rev": rev}
    says["reactions"] = says["reactions"] or {}
    text = orjson.dumps(says, option=orjson.OPT_SORT_KEYS).decode()
    found = (
        Remark(each.comment_id, each.rev, each.model_dump_json(exclude={"liked"}))
        for each in comments
    )
    return Looked(time.monotonic(), post.post_id, text, tuple(found))


async def fresh(call: Callable[[Any], Any], post_id: UUID) -> list[Looked]:
    """All of it, for a client that has had nothing. It does not watch: who begins to, makes the
    server tell others what they may have missed."""
    found, upto, last = list[Comment](), 0, 1
    while upto < last:
        page = await call(SyncComments(post_id=post_id, after_rev=upto))
        found += page.comments
        upto, last = page.to_rev, page.last_rev
    post = (await call(GetPost(post_id=post_id))).post
    votes = [option.votes for option in post.poll.options] if post.poll else None
    return [_looked(post, votes, last, found)]
