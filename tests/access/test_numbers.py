"""Whoever wants no numbers is told none, and of whoever shows none nobody else is: in every reply
and every event that has some."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.bookmarks import PageBookmarks, SetBookmark
from lumina_protocol.comments import (
    CreateComment,
    GetComments,
    LikeComment,
    PageComments,
    PageReplies,
    SyncComments,
    UnlikeComment,
)
from lumina_protocol.feed import HomeFeed
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser
from lumina_protocol.frame import Event, Request
from lumina_protocol.insights import GetInsights
from lumina_protocol.mentioning import ListMentioning
from lumina_protocol.notifications import (
    ListNotifications,
    NotificationChanged,
    NotificationGroup,
)
from lumina_protocol.people import SuggestUsers
from lumina_protocol.polls import Vote
from lumina_protocol.post_changes import ArchivePost, ListArchivedPosts
from lumina_protocol.post_people import ListNearby, SharePost, View, ViewPosts
from lumina_protocol.posts import CreatePost, GetPost, ListPosts
from lumina_protocol.profiles import GetUser
from lumina_protocol.reactions import RemoveReaction, SetReaction
from lumina_protocol.session import Resume
from lumina_protocol.settings import ChangeSettings
from lumina_protocol.stories import CreateStory, GetStories, ListStories
from lumina_protocol.story_answers import AnswerSticker, ReactToStory
from lumina_protocol.topics import PageTopicPosts
from lumina_protocol.watches import Watch

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.access.numbers import (
    CARRIERS,
    FOR_THE_AUTHOR,
    NUMBERS,
    OF_THE_AUTHOR,
    OF_THE_READER,
    PLAIN,
    RECEPTION,
    TOLD_TO_ALL,
    said,
)
from tests.e2e.test_resume import raw
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, register, user

POLL = {"question": "Tea?", "options": ["yes", "no"], "show_results": "always"}
STICKER = {"type": "poll", "question": "Tea?", "options": ["yes", "no"]}
HERE = {"latitude": 52.5, "longitude": 13.4}
WITHIN_S = 15
TOPIC = "select topic_id from topics where topic_name = 'tea'"


@dataclass
class Scene:
    """A post and a story of the author; the reader follows them; carol and dave answer."""

    pg: asyncpg.Connection
    author: Client
    reader: Client
    carol: Client
    dave: Client
    node: Node
    post_id: UUID = field(default_factory=uuid7)
    story_id: UUID = field(default_factory=uuid7)
    comment_id: UUID = field(default_factory=uuid7)
    reply_id: UUID = field(default_factory=uuid7)
    topic_id: UUID = field(default_factory=uuid7)
    turns: int = 0

    async def play(self) -> None:
        author, reader, carol, dave = self.author, self.reader, self.carol, self.dave
        for one, other in ((reader, author), (carol, author), (reader, carol), (author, carol),
                           (carol, dave)):  # fmt: skip
            await one.call(FollowUser(user_id=id_of(other), op_id=uuid7()))
        archived = uuid7()
        for post_id in (self.post_id, archived):
            asked = {"post_id": post_id, "post_type": "poll", "poll": POLL, "location": HERE,
                     "caption": "@reader #tea"}  # fmt: skip
            await author.call(CreatePost.model_validate(asked))
            await reader.call(SetReaction(post_id=post_id, mood="curious", op_id=uuid7()))
            await reader.call(Vote(post_id=post_id, options=[0], op_id=uuid7()))
        self.topic_id = await self.pg.fetchval(TOPIC)
        await author.call(ArchivePost(post_id=archived, op_id=uuid7()))
        for comment_id, above in ((self.comment_id, None), (self.reply_id, self.comment_id)):
            await reader.call(CreateComment(post_id=self.post_id, comment_id=comment_id,
                                            content="hello", parent_comment_id=above))  # fmt: skip
            await carol.call(LikeComment(op_id=uuid7(), **self.of(comment_id)))
        await carol.call(SharePost(share_id=uuid7(), post_id=self.post_id, via="link"))
        await carol.call(ViewPosts(views=[View(post_id=self.post_id)]))
        for one in (reader, author):
            await one.call(SetBookmark(post_id=self.post_id, op_id=uuid7()))
        await self.pg.execute(MEDIA, media_id := uuid7(), "author", "image", "ready")
        told = {"story_id": self.story_id, "media_id": media_id, "stickers": [STICKER]}
        await author.call(CreateStory.model_validate(told))
        await reader.call(
            AnswerSticker(op_id=uuid7(), story_id=self.story_id, sticker_no=0, option_no=0)
        )
        await reader.call(ReactToStory(op_id=uuid7(), story_id=self.story_id, reaction="curious"))

    def of(self, comment_id: UUID) -> dict[str, Any]:
        return {"post_id": self.post_id, "comment_id": comment_id}

    async def stir(self) -> None:
        """Something that everybody who watches is told of, and the author is notified of: every
        other time it is taken back."""
        self.turns += 1
        post, comment, carol = {"post_id": self.post_id}, self.of(self.comment_id), self.carol
        told: dict[str, Any] = {"op_id": uuid7(), "story_id": self.story_id}
        if self.turns % 2:
            await carol.call(SetReaction(op_id=uuid7(), mood="grateful", **post))
            await carol.call(UnlikeComment(op_id=uuid7(), **comment))
            await carol.call(ReactToStory(reaction="excited", **told))
        else:
            await carol.call(RemoveReaction(op_id=uuid7(), **post))
            await carol.call(LikeComment(op_id=uuid7(), **comment))
            await carol.call(ReactToStory(**told))


Asked = Callable[[Scene], Request[Any]]


def _between(scene: Scene) -> Request[Any]:
    day = datetime.now(UTC).date()
    first, last = (day - timedelta(days=1)).isoformat(), day.isoformat()
    return GetInsights(post_id=scene.post_id, from_day=first, to_day=last)


BOTH: dict[str, Asked] = {
    "post.get": lambda s: GetPost(post_id=s.post_id),
    "post.of_user": lambda s: ListPosts(user_id=id_of(s.author)),
    "post.nearby": lambda s: ListNearby.model_validate(HERE),
    "bookmark.page": lambda s: PageBookmarks(),
    "feed.home": lambda s: HomeFeed(),
    "comment.page": lambda s: PageComments(post_id=s.post_id),
    "comment.replies": lambda s: PageReplies(**s.of(s.comment_id)),
    "comment.get": lambda s: GetComments(post_id=s.post_id, comment_ids=[s.comment_id]),
    "comment.sync": lambda s: SyncComments(post_id=s.post_id, after_rev=0),
    "story.get": lambda s: GetStories(story_ids=[s.story_id]),
    "story.of_user": lambda s: ListStories(user_id=id_of(s.author)),
    "topic.posts": lambda s: PageTopicPosts(topic_id=s.topic_id),
    "user.get": lambda s: GetUser(user_id=id_of(s.author)),
    "user.suggestions": lambda s: SuggestUsers(),
}
AUTHOR: dict[str, Asked] = {
    "post.archived": lambda s: ListArchivedPosts(),
    "post.insights": _between,
    "notification.list": lambda s: ListNotifications(),
}
READER: dict[str, Asked] = {"post.mentioning": lambda s: ListMentioning()}
LIVE = {"watch", "post.state", "story.state", "notification.changed"}
KEPT = {
    "post.created": "kept for the devices of its author, and wrong when it is read later",
    "post.changed": "likewise",
    "story.created": "likewise",
}
"""Events that have a place for numbers, and none."""

Says = dict[str, dict[str, list[object]]]
"""By operation or event, of each number what it said."""


def test_every_number_of_the_protocol_has_been_thought_of() -> None:
    names = set().union(*PLAIN.values())
    numbers = set().union(*NUMBERS.values())
    unknown = {
        one for one in numbers - RECEPTION - TOLD_TO_ALL.keys()
        if (name := one.split(".")[1]) not in names and not name.endswith("_at")
    }  # fmt: skip
    assert unknown == set()
    assert (RECEPTION | TOLD_TO_ALL.keys()) - numbers == set(), "they are not there"
    assert names - {one.split(".")[1] for one in numbers} == set()


def test_every_reply_and_event_with_numbers_is_asked_for() -> None:
    asked = BOTH.keys() | AUTHOR.keys() | READER.keys() | LIVE | KEPT.keys()
    assert asked == CARRIERS.keys()


@pytest.fixture
async def scene(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[Scene]:
    names = ("author", "reader", "carol", "dave")
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, *names)
        places = zip((one, two, one, two), names, strict=True)
        clients = [await stack.enter_async_context(user(*place)) for place in places]
        author, reader, carol, dave = clients
        yield Scene(pg, author, reader, carol, dave, one)


async def seen(scene: Scene, who: str, *, hides: bool = False) -> Says:
    """All that one of the two is told, asked for and live."""
    client: Client = getattr(scene, who)
    found: Says = {}

    def note(name: str, told: object) -> None:
        for key, value in said(told):
            found.setdefault(name, defaultdict(list))[key].append(value)

    for op, asked in (BOTH | (AUTHOR if who == "author" else READER)).items():
        note(op, await client.call(asked(scene)))
    with client.inbox() as inbox:
        for kind, subject_id in (("post", scene.post_id), ("story", scene.story_id)):
            watch = Watch.model_validate({"subject_type": kind, "subject_id": subject_id})
            note("watch", await client.call(watch))
        await scene.stir()
        wanted = LIVE - {"watch"} - ({"notification.changed"} if who == "reader" else set())
        wanted -= {"story.state"} if who == "reader" or hides else set()
        async for news in _until(inbox, wanted):
            note(news.type, news)
    return found


async def _until(inbox: Inbox, types: set[str]) -> AsyncIterator[Event]:
    """Until one of each has come, of posts with a comment."""
    left = set(types)
    async with asyncio.timeout(WITHIN_S):
        while left:
            news = await anext(aiter(inbox))
            if isinstance(news, Event):
                yield news
                if getattr(news, "comments", True):
                    left.discard(news.type)


def wrong(found: Says, shown: set[str]) -> list[object]:
    """What is told and should not be, or is not and should; these are to be told."""
    bad: list[object] = []
    for name, keys in found.items():
        for key, values in keys.items():
            told = [value for value in values if value is not None]
            if name in KEPT or key not in shown:
                bad += [(name, key, told)] if told else []
            elif not told:
                bad.append((name, key, "is missing"))
    missing = {(name, key) for name in found for key in CARRIERS[name] - found[name].keys()}
    return bad + [one for one in missing if one not in UNSEEN]


UNSEEN = {("watch", key) for key in ("Comment.like_count", "Comment.reply_count")}
"""There is no place for them: what is watched begins without comments."""


async def settings_of(client: Client, **changes: bool) -> None:
    await client.call(ChangeSettings.model_validate({"op_id": uuid7(), **changes}))


@pytest.mark.timeout(90)
async def test_numbers_are_for_who_wants_them_of_who_shows_them(scene: Scene) -> None:
    with scene.author.inbox() as inbox:
        await scene.play()
        everything = RECEPTION
        others = OF_THE_AUTHOR | OF_THE_READER
        assert wrong(await seen(scene, "author"), everything) == []
        assert wrong(await seen(scene, "reader"), others) == []
        kept = [news for _ in range(200) if (news := await _soon(inbox)) and news.type in KEPT]
        assert {news.type for news in kept} == set(KEPT)
        assert [value for news in kept for _, value in said(news) if value is not None] == []

    await settings_of(scene.reader, hide_metrics=True)
    assert wrong(await seen(scene, "reader"), set()) == []
    await settings_of(scene.reader, hide_metrics=False)

    await settings_of(scene.author, show_metrics=False)
    assert wrong(await seen(scene, "reader"), OF_THE_READER) == []
    assert wrong(await seen(scene, "author"), OF_THE_AUTHOR | FOR_THE_AUTHOR | OF_THE_READER) == []

    await settings_of(scene.author, show_metrics=True, hide_metrics=True)
    assert wrong(await seen(scene, "reader"), OF_THE_READER) == []
    assert wrong(await seen(scene, "author", hides=True), set()) == []


async def _soon(inbox: Inbox) -> Event | None:
    try:
        news = await asyncio.wait_for(anext(aiter(inbox)), 0.05)
    except TimeoutError:
        return None
    return news if isinstance(news, Event) else None


async def test_a_title_has_no_number_for_who_wants_none(scene: Scene) -> None:
    post_id = uuid7()
    asked = {"post_id": post_id, "post_type": "text", "caption": "hello"}
    await scene.author.call(CreatePost.model_validate(asked))
    for client in (scene.reader, scene.carol, scene.dave):
        await client.call(SetReaction(post_id=post_id, mood="curious", op_id=uuid7()))

    async def title() -> NotificationGroup:
        async with asyncio.timeout(WITHIN_S):
            while True:
                groups = (await scene.author.call(ListNotifications())).groups
                if groups and len(groups[0].actors) == 3:
                    return groups[0]
                await asyncio.sleep(0.05)

    assert (await title()).title == "dave and 2 others reacted to your post"
    await settings_of(scene.author, hide_metrics=True)
    assert (await title()).title == "dave and others reacted to your post"
    async with raw(scene.node, "author", Resume(epoch=1, user_rev=0)) as (_, heard):
        kept = [event for event in heard if isinstance(event, NotificationChanged)]
    assert "dave and others reacted to your post" in [event.group.title for event in kept]
    for event in kept:
        assert (event.group.actor_count, event.group.count) == (None, None)
        assert not any(char.isdigit() for char in event.group.title)
