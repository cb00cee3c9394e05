"""What a client that knows nothing is told when all is over."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lumina_protocol.errors import LuminaError
from lumina_protocol.feed import HomeFeed
from lumina_protocol.messages import ReadHistory
from lumina_protocol.pins import ListPins
from lumina_protocol.posts import Post
from lumina_protocol.receipts import CountUnread

from lumina_rt.client import Client, ClientError
from tests.faults import boards, glances, lists, things
from tests.faults.log import Looked, Mine, Seen, Things
from tests.faults.recorded import seen

PAGE = 200
TRIES = 5
AGAIN_S = 0.5
SMALL_PAGE = 4


@dataclass(slots=True)
class Fresh:
    """Of one user."""

    mine: Mine = field(default_factory=Mine)
    messages: dict[UUID, dict[int, Seen]] = field(default_factory=dict)
    """By conversation and seq."""
    pins: dict[UUID, set[int]] = field(default_factory=dict)
    unread: dict[UUID, int] = field(default_factory=dict)
    """As the list of conversations says."""
    counted: dict[UUID, int] = field(default_factory=dict)
    """As the count of what is unread says: where there is something."""
    total: int = 0
    things: Things = field(default_factory=dict)
    feed: list[UUID] = field(default_factory=list)
    numbers: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """Of each post of the feed: moods, comments and votes."""
    boards: dict[UUID, list[Looked]] = field(default_factory=dict)
    """Of posts that the user has watched; empty where there is nothing to see."""
    stories: dict[UUID, str] = field(default_factory=dict)
    """Of stories that the user has watched, those that there are."""


async def read(
    url: str, token: str, watched: Collection[UUID] = (), stories: Collection[UUID] = ()
) -> Fresh:
    """Nothing must change meanwhile. `watched`: posts to look at."""
    for last in (*[False] * (TRIES - 1), True):
        try:
            async with Client(url, token=token) as client:
                fresh = await _read(client)
                await _read_social(client, fresh, watched)
                fresh.stories = await glances.fresh(client.call, stories)
                return fresh
        except (OSError, ClientError, LuminaError):
            if last:
                raise
            await asyncio.sleep(AGAIN_S)
    raise AssertionError("the last try returns or raises")


async def _read(client: Client) -> Fresh:
    mine: Any = await lists.mine(client.call)
    talks: Any = await lists.conversations(client.call)
    fresh = Fresh(mine, unread={talk.conversation_id: talk.unread for talk in talks})
    for talk in fresh.unread:
        fresh.messages[talk] = await _messages(client, talk)
        pins = (await client.call(ListPins(conversation_id=talk))).pins
        fresh.pins[talk] = {pin.message.seq for pin in pins}
    counts = await client.call(CountUnread())
    fresh.counted = {each.conversation_id: each.unread for each in counts.conversations}
    fresh.total = counts.total
    return fresh


async def _messages(client: Client, conversation: UUID) -> dict[int, Seen]:
    found: dict[int, Seen] = {}
    more, after = True, 0
    while more:
        asked = ReadHistory(conversation_id=conversation, after_seq=after, limit=PAGE)
        page = await client.call(asked)
        found |= {message.seq: seen(message) for message in page.messages}
        after, more = max(found, default=0), page.more_after
    return found


async def _read_social(client: Client, fresh: Fresh, watched: Collection[UUID]) -> None:
    assert client.ready
    fresh.things = await things.listed(client.call, client.ready.user_id)
    posts, before, more = list[Post](), None, True
    while more:
        page = await client.call(HomeFeed(before=before, limit=SMALL_PAGE))
        posts += page.posts
        before, more = page.next, page.more
    fresh.feed = [post.post_id for post in posts]
    fresh.numbers = {str(post.post_id): _numbers(post) for post in posts}
    for post_id in watched:
        try:
            fresh.boards[post_id] = await boards.fresh(client.call, post_id)
        except LuminaError as error:
            if error.body.code != "not_found":
                raise
            fresh.boards[post_id] = []


def _numbers(post: Post) -> tuple[object, ...]:
    votes = tuple(option.votes for option in post.poll.options) if post.poll else ()
    return post.reactions or {}, post.comment_count, votes
