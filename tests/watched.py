"""What one watcher of a post knows: the page at first, and what the events have made of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from lumina_protocol.comments import Comment, PageComments, PageReplies, SyncComments
from lumina_protocol.watches import PostState, WatchEnded

from lumina_rt.client import Client, Inbox

WITHIN_S = 10
OWN = {"liked": None}
"""What the events, which are the same for all, do not say."""


async def page_of(client: Client, post_id: UUID) -> dict[UUID, Comment]:
    """All comments that there are to be seen, by threads."""
    found: dict[UUID, Comment] = {}
    page = await client.call(PageComments(post_id=post_id, limit=50))
    waiting = list(page.comments)
    while page.more:
        after = (waiting[-1].created_at, waiting[-1].comment_id)
        page = await client.call(PageComments(post_id=post_id, limit=50, after=after))
        waiting += page.comments
    while waiting:
        comment = waiting.pop()
        found[comment.comment_id] = comment.model_copy(update=OWN)
        if comment.has_replies:
            asked = PageReplies(post_id=post_id, comment_id=comment.comment_id, limit=50)
            waiting += (await client.call(asked)).comments
    return found


@dataclass
class Board:
    client: Client
    inbox: Inbox
    post_id: UUID
    state: PostState
    comments: dict[UUID, Comment]
    rev: int
    """All up to here is known."""
    ended: bool = False

    @classmethod
    async def watch(cls, client: Client, inbox: Inbox, post_id: UUID) -> Board:
        """Watch first, and then read the page."""
        state = (await client.watch("post", post_id)).post
        assert state
        comments = await page_of(client, post_id)
        return cls(client, inbox, post_id, state, comments, state.comment_rev)

    async def apply(self, state: PostState) -> None:
        self.state = state
        if state.comments_limited or state.from_rev > self.rev:
            await self._sync()
        else:
            self._take(state.comments)
            self.rev = max(self.rev, state.comment_rev)

    async def _sync(self) -> None:
        while True:
            asked = SyncComments(post_id=self.post_id, after_rev=self.rev)
            page = await self.client.call(asked)
            self._take(page.comments)
            self.rev = page.to_rev
            if page.to_rev == page.last_rev:
                return

    def _take(self, comments: list[Comment]) -> None:
        for comment in comments:
            old = self.comments.get(comment.comment_id)
            if old is None or comment.rev >= old.rev:
                self.comments[comment.comment_id] = comment.model_copy(update=OWN)

    @property
    def shown(self) -> dict[UUID, Comment]:
        """Without those that are deleted, but for tombstones."""
        return {k: c for k, c in self.comments.items() if c.has_replies or not c.is_deleted}

    async def next(self) -> PostState | WatchEnded:
        async for news in self.inbox:
            if isinstance(news, PostState) and news.post_id == self.post_id:
                await self.apply(news)
                return news
            if isinstance(news, WatchEnded) and news.subject_id == self.post_id:
                self.ended = True
                return news
        raise AssertionError("an inbox does not end")

    async def explains(self, client: Client) -> None:
        """Until the events have made of it what somebody who looks now sees."""
        fresh = await page_of(client, self.post_id)
        now = (await client.watch("post", self.post_id)).post
        assert now
        async with asyncio.timeout(WITHIN_S):
            while not (self.shown == fresh and self._same(now)):
                await self.next()

    def _same(self, now: PostState) -> bool:
        part = {"comments", "from_rev", "comments_limited"}
        return self.state.model_dump(exclude=part) == now.model_dump(exclude=part)
