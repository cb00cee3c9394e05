"""What a device knows of stories that it watches, and of its feed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import orjson
from lumina_protocol.feed import FeedNew, HomeFeed
from lumina_protocol.stories import GetStories, Story
from lumina_protocol.watches import StoryState, WatchEnded

from tests.faults.lists import Ask
from tests.faults.log import Glanced, Hinted

WAIT_S = 0.1
SAYS = ("view_count", "reaction_count", "expires_at")
"""Of how many answered there is nothing else that tells."""
PAGE = 50


class Glances:
    def __init__(self, ask: Ask, write: Callable[[Glanced | Hinted], None]) -> None:
        self.known: dict[UUID, bool] = {}
        """Stories, and whether anything was told of them."""
        self.reading: set[asyncio.Task[None]] = set()
        self._ask, self._write = ask, write

    def expect(self, story: UUID) -> None:
        """It is about to be watched."""
        self.known.setdefault(story, False)

    def begin(self, state: StoryState) -> None:
        """What a watch was answered; events may have been faster to be taken, and are later."""
        if self.known.get(state.story_id) is False:
            self.take(state)

    def end(self, story: UUID) -> None:
        self.known.pop(story, None)

    def take(self, news: StoryState | WatchEnded) -> None:
        story = news.subject_id if isinstance(news, WatchEnded) else news.story_id
        if story not in self.known:
            return
        if isinstance(news, WatchEnded):
            self.end(story)
            self._write(Glanced(time.monotonic(), story, None))
        else:
            self.known[story] = True
            self._write(Glanced(time.monotonic(), story, says(news)))

    def hint(self, news: FeedNew) -> None:
        self._write(Hinted(time.monotonic(), tuple(post.post_id for post in news.posts)))
        if news.limited:
            for task in self.reading:
                task.cancel()
            task = asyncio.create_task(self._look())
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)

    async def _look(self) -> None:
        before = None
        while True:
            page: Any = await self._ask(HomeFeed(before=before, limit=PAGE))
            if isinstance(page, str):
                await asyncio.sleep(WAIT_S)
                continue
            self._write(Hinted(time.monotonic(), tuple(post.post_id for post in page.posts)))
            if not page.more:
                return
            before = page.next


def says(story: StoryState | Story) -> str:
    return orjson.dumps({name: getattr(story, name) for name in SAYS}).decode()


async def fresh(call: Callable[[Any], Any], stories: Collection[UUID]) -> dict[UUID, str]:
    """Of those that are there for who asks."""
    ids, found = sorted(stories), dict[UUID, str]()
    for start in range(0, len(ids), PAGE):
        page = await call(GetStories(story_ids=ids[start : start + PAGE]))
        found |= {story.story_id: says(story) for story in page.stories}
    return found
