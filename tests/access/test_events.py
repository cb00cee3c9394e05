"""Who is told of what somebody publishes, and of what becomes of it: a row a person, a column a
thing. What an event is about is told to nobody else, and nothing to who is not logged in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.comments import CreateComment
from lumina_protocol.errors import LuminaError
from lumina_protocol.feed import FeedNew
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser, SetFollow
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.messages import MessageCreated
from lumina_protocol.mutes import MuteUser
from lumina_protocol.notifications import NotificationChanged, NotificationRemoved
from lumina_protocol.post_changes import DeletePost, EditPost
from lumina_protocol.post_people import AnswerCoauthor
from lumina_protocol.posts import CreatePost
from lumina_protocol.reactions import SetReaction
from lumina_protocol.stories import CreateStory, DeleteStory
from lumina_protocol.story_answers import ViewStories
from lumina_protocol.watches import PostState, StoryState, Watch, Watched

from lumina_rt.client import Client, Inbox, News
from lumina_rt.config import Settings
from tests.access.table import cells, rows
from tests.handlers.test_beyond_text import MEDIA
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_notifications import drained
from tests.house import nodes, register, say, user
from tests.workers.rows import conversation

pytestmark = pytest.mark.timeout(60)  # a busy machine takes long to begin

WHO = (
    "author",
    "follower",
    "close_friend",  # a friend as well: each follows the other
    "stranger",
    "blocked",
    "blocker",
    "muter",  # follows them, and has muted them
    "coauthor",
)
HOST, ANONYMOUS = "host", "anonymous"

# Who can watch a post, and is told of each comment on it.
POSTS = """
who           public  friends  private
author        yes     yes      yes
follower      yes     -        -
close_friend  yes     yes      -
stranger      yes     -        -
blocked       -       -        -
blocker       -       -        -
muter         yes     -        -
coauthor      yes     yes      yes
anonymous     -       -        -
"""
# Who can watch a story. How often it was seen, only its author is told.
STORIES = """
who           public  followers  close_friends
author        yes     yes        yes
follower      yes     yes        -
close_friend  yes     yes        yes
stranger      yes     -          -
blocked       -       -          -
blocker       -       -          -
muter         yes     yes        -
coauthor      yes     -          -
anonymous     -       -          -
"""
# Who is told by feed.new of a new post, and notified of it.
NEW = """
who           public  friends  private
author        feed    feed     feed
follower      both    -        -
close_friend  both    both     -
stranger      -       -        -
blocked       -       -        -
blocker       -       -        -
muter         -       -        -
coauthor      -       -        -
anonymous     -       -        -
"""
# Of what somebody does, who has it in their own stream.
PERSONAL = {
    "post.created": {"author"},
    "post.changed": {"author"},
    "post.deleted": {"author"},
    "story.created": {"author"},
    "story.deleted": {"author"},
    "reaction.changed": {"stranger"},
    "story.seen": {"close_friend"},
    "follow.changed": {"stranger"},
    "followers.changed": {"coauthor"},
    "reaction:post": {"author"},
    "comment:post": {"author"},
    "follow": {"coauthor"},
}
Heard = set[tuple[str, str]]


@dataclass
class House:
    clients: dict[str, Client]
    pg: asyncpg.Connection
    posts: dict[str, UUID]
    stories: dict[str, UUID]
    fence: UUID
    new: dict[UUID, str] = field(default_factory=dict)
    """What is published while we listen, and to whom it is shown."""

    async def post(self, shown_to: str, **also: Any) -> UUID:
        known = {"post_id": uuid7(), "post_type": "text", "caption": "hello"}
        asked = CreatePost.model_validate(known | {"visibility": shown_to} | also)
        return (await self.clients["author"].call(asked)).post_id

    async def story(self, shown_to: str) -> UUID:
        await self.pg.execute(MEDIA, media_id := uuid7(), "author", "image", "ready")
        asked = {"story_id": uuid7(), "media_id": media_id, "visibility": shown_to}
        return (await self.clients["author"].call(CreateStory.model_validate(asked))).story_id

    def said(self, news: News) -> Heard:
        """What an event tells of, in the words of the tables."""
        known = {id_: name for told in (self.posts, self.stories) for name, id_ in told.items()}
        known |= self.new
        match news:
            case PostState() if news.comments:
                return {("post.state", known[news.post_id])}
            case StoryState():
                return {("story.state", known[news.story_id])}
            case FeedNew():
                return {("feed.new", known[post.post_id]) for post in news.posts}
            case NotificationChanged(group=group) if group.group_key.startswith("post:"):
                assert group.post_id
                return {("notified", known[group.post_id])}
            case NotificationRemoved():
                return set()
            case NotificationChanged(group=group):
                if group.type == "mention":  # who was asked to be a co-author, before
                    return set()
                return {("personal", group.group_key.rpartition(":")[0] or group.group_key)}
            case PersonalEvent():
                return {("personal", news.type)}
        return set()


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, *WHO, HOST)
        clients = {
            name: await stack.enter_async_context(user(two if name == "author" else one, name))
            for name in (*WHO, HOST)
        }
        clients[ANONYMOUS] = await stack.enter_async_context(Client(one.url))
        fence = await conversation(pg, *(id_of(clients[name]) for name in (*WHO, HOST)))
        house = House(clients, pg, {}, {}, fence)
        await introduce(house)
        yield house


async def introduce(house: House) -> None:
    author, coauthor = house.clients["author"], house.clients["coauthor"]
    followers = ("follower", "close_friend", "blocked", "blocker", "muter")
    for name in followers:
        await house.clients[name].call(FollowUser(user_id=id_of(author), op_id=uuid7()))
    friend = id_of(house.clients["close_friend"])
    await author.call(FollowUser(user_id=friend, op_id=uuid7()))
    await author.call(SetFollow(user_id=friend, close_friend=True, op_id=uuid7()))
    await author.call(BlockUser(user_id=id_of(house.clients["blocked"]), op_id=uuid7()))
    await house.clients["blocker"].call(BlockUser(user_id=id_of(author), op_id=uuid7()))
    muted = MuteUser(user_id=id_of(author), mute_scope="all", op_id=uuid7())
    await house.clients["muter"].call(muted)
    for shown_to in ("public", "friends", "private"):
        post_id = await house.post(shown_to, post_type="collaborative", coauthors=[id_of(coauthor)])
        await coauthor.call(AnswerCoauthor(post_id=post_id, accept=True, op_id=uuid7()))
        house.posts[shown_to] = post_id
    for shown_to in ("public", "followers", "close_friends"):
        house.stories[shown_to] = await house.story(shown_to)
    await drained(house.pg)  # of what all this was notified of before we listen


async def watch(client: Client, kind: str, subject_id: UUID) -> str:
    asked = Watch.model_validate({"subject_type": kind, "subject_id": subject_id})
    try:
        assert isinstance(await client.call(asked), Watched)
    except LuminaError as error:
        assert error.body.code in ("not_found", "auth_required")
        return "-"
    return "yes"


def test_the_tables_have_everybody() -> None:
    for table in (POSTS, STORIES, NEW):
        assert rows(table) == [*WHO, ANONYMOUS]


async def test_who_is_told_of_what_somebody_publishes_and_of_what_becomes_of_it(
    house: House,
) -> None:
    wrong = []
    for kind, table, things in (("post", POSTS, house.posts), ("story", STORIES, house.stories)):
        for cell in cells(table):
            found = await watch(house.clients[cell.row], kind, things[cell.column])
            if found != cell.says:
                wrong.append((kind, cell, found))
    assert wrong == []
    for name in WHO:
        client = house.clients[name]
        assert await watch(client, "feed", id_of(client)) == "yes"
    with ExitStack() as stack:
        inboxes = {
            name: stack.enter_context(client.inbox())
            for name, client in house.clients.items()
            if name != HOST
        }
        house.new = await act(house)
        heard = {name: await listen(house, inboxes[name], expected(name)) for name in inboxes}
        await say(house.clients[HOST], house.fence, "done")
        for name in WHO:
            heard[name] |= await rest(house, inboxes[name])
    heard["author"].discard(("feed.new", "gone"))  # for a moment it was there, for its author
    assert {name: heard[name] - {("notified", "public")} for name in heard} == {
        name: expected(name) - {("notified", "public")} for name in heard
    }
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(aiter(inboxes[ANONYMOUS])), 0.05)


def expected(name: str) -> Heard:
    told = {("post.state", c.column) for c in cells(POSTS) if (c.row, c.says) == (name, "yes")}
    for cell in (cell for cell in cells(NEW) if cell.row == name):
        told |= {("feed.new", cell.column)} if cell.says != "-" else set()
        told |= {("notified", cell.column)} if cell.says == "both" else set()
    if ("notified", "friends") in told:  # one group, about the newest
        told.discard(("notified", "public"))
    if name == "author":
        told |= {("story.state", shown_to) for shown_to in ("public", "followers", "close_friends")}
    return told | {("personal", what) for what, who in PERSONAL.items() if name in who}


async def act(house: House) -> dict[UUID, str]:
    """Gives what was published in it."""
    author, stranger = house.clients["author"], house.clients["stranger"]
    for post_id in house.posts.values():
        comment = CreateComment(post_id=post_id, comment_id=uuid7(), content="hello")
        await author.call(comment)
    friend = house.clients["close_friend"]
    await friend.call(ViewStories(story_ids=list(house.stories.values())))
    public = house.posts["public"]
    await stranger.call(SetReaction(post_id=public, mood="curious", op_id=uuid7()))
    await stranger.call(CreateComment(post_id=public, comment_id=uuid7(), content="hello"))
    coauthor = id_of(house.clients["coauthor"])
    await stranger.call(FollowUser(user_id=coauthor, op_id=uuid7()))
    new = {await house.post(shown_to): shown_to for shown_to in ("public", "friends", "private")}
    gone = await house.post("private")
    edit = EditPost(post_id=gone, base_version=1, caption="else", op_id=uuid7())
    await author.call(edit)
    await author.call(DeletePost(post_id=gone, op_id=uuid7()))
    story_id = await house.story("public")
    await author.call(DeleteStory(story_id=story_id, op_id=uuid7()))
    return new | {gone: "gone", story_id: "gone"}


async def listen(house: House, inbox: Inbox, awaited: Heard) -> Heard:
    """Until all of it has come."""
    heard: Heard = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(30):  # the sweep, which finds what a busy bus has not told, too
            while not awaited <= heard:
                heard |= house.said(await anext(aiter(inbox)))
    assert awaited <= heard, f"not told of {awaited - heard}"
    return heard


async def rest(house: House, inbox: Inbox) -> Heard:
    """Up to the message of the host."""
    heard: Heard = set()
    async with asyncio.timeout(15):
        async for news in inbox:
            if isinstance(news, MessageCreated):
                return heard
            heard |= house.said(news)
    raise AssertionError("an inbox does not end")
