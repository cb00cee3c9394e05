"""What actors do with posts, comments, polls, stories and one another, each with its weight."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.bookmarks import RemoveBookmark, SetBookmark
from lumina_protocol.comments import CreateComment, DeleteComment, LikeComment, UnlikeComment
from lumina_protocol.feed import HomeFeed
from lumina_protocol.follows import FollowUser, UnfollowUser
from lumina_protocol.frame import Request
from lumina_protocol.notifications import ReadNotifications
from lumina_protocol.polls import Unvote, Vote
from lumina_protocol.post_changes import DeletePost, EditPost, PostChangeKept, RestorePost
from lumina_protocol.posts import CreatePost, NewPoll, PostKept
from lumina_protocol.reactions import Mood, RemoveReaction, SetReaction
from lumina_protocol.stories import CreateStory, DeleteStory
from lumina_protocol.story_answers import ReactToStory, ViewStories

from tests.faults.log import Answered, Asked, Fed, Value

if TYPE_CHECKING:
    from tests.faults.actor import Actor

NIL = UUID(int=0)
MOODS = get_args(Mood)
OPTIONS = ("tea", "coffee", "neither")
SMALL_PAGE = 4
WATCHED = 4
"""Posts, or stories, that a device watches at once."""
LATELY = 8
"""Of what was made, so many are still acted upon: where all do the same, they get in each other's
way."""


@dataclass(slots=True)
class Wall:
    """What there is to act upon, known to all actors of a play."""

    posts: dict[UUID, UUID] = field(default_factory=dict)
    """By whom."""
    polls: list[UUID] = field(default_factory=list)
    versions: dict[UUID, int] = field(default_factory=dict)
    """Of those that are edited, deleted and brought back; the others stay as they are, so that all
    who watch their feeds are to be told of them."""
    comments: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)
    """On which post, and by whom."""
    stories: dict[UUID, UUID] = field(default_factory=dict)
    """By whom."""
    fleeting: dict[UUID, UUID] = field(default_factory=dict)
    """Stories that are deleted: of these no view is said to count."""
    media: dict[UUID, UUID] = field(default_factory=dict)
    """A picture of each user."""
    blockers: frozenset[UUID] = frozenset()
    """Who blocks others, now and then."""
    blocked: tuple[UUID, ...] = ()
    """Whom."""


async def do(actor: Actor, request: Request[Any], kind: str, name: object, value: Value) -> Any:
    """The answer; None where there is none."""
    actor.asked += 1
    number = actor.asked
    asked = Asked(time.monotonic(), number, request.op, NIL, deed=(kind, str(name)), value=value)
    actor.log.entries.append(asked)
    answer: Any = await actor.stream.ask(request)
    refused = isinstance(answer, str)
    actor.write(Answered(time.monotonic(), number, answer if refused else "ok"))
    return None if refused else answer


def of_user(actor: Actor, id_: object) -> str:
    """The name of what a user has of something: one mood for each post, and so on."""
    return f"{actor.log.user} {id_}"


async def post(actor: Actor) -> None:
    poll, id_ = actor.random.random() < 0.4, actor.new_id()
    asks = NewPoll(question="which?", options=list(OPTIONS), show_results="always")
    what: dict[str, Any] = {"post_type": "poll", "poll": asks} if poll else {"post_type": "text"}
    said = actor.says()[:100]
    kept = await do(actor, CreatePost(post_id=id_, caption=said, **what), "caption", id_, said)
    if isinstance(kept, PostKept):
        actor.wall.posts[id_] = actor.log.user
        if actor.random.random() < 0.25:
            actor.wall.versions[id_] = kept.version
        if poll:
            actor.wall.polls.append(id_)


async def edit_post(actor: Actor) -> None:
    """Another device, or a retry, may have been first."""
    if id_ := _own_post(actor):
        said, version = actor.says()[:100], actor.wall.versions[id_]
        request = EditPost(op_id=actor.new_id(), post_id=id_, base_version=version, caption=said)
        kept = await do(actor, request, "caption", id_, said)
        if isinstance(kept, PostChangeKept):
            actor.wall.versions[id_] = kept.version


async def delete_post(actor: Actor) -> None:
    """And bring it back, as a rule: not at once."""
    if id_ := _own_post(actor):
        await do(actor, DeletePost(op_id=actor.new_id(), post_id=id_), "gone", id_, True)


async def restore_post(actor: Actor) -> None:
    if id_ := _own_post(actor):
        await do(actor, RestorePost(op_id=actor.new_id(), post_id=id_), "gone", id_, None)


async def comment(actor: Actor) -> None:
    if id_ := _post(actor):
        above = [c for c, (of, _) in actor.wall.comments.items() if of == id_]
        parent = actor.random.choice([None, *above[-3:]])
        new = actor.new_id()
        said: dict[str, Any] = {"content": actor.says()[:100], "parent_comment_id": parent}
        request = CreateComment(post_id=id_, comment_id=new, **said)
        if await do(actor, request, "comment", new, True):
            actor.wall.comments[new] = id_, actor.log.user


async def delete_comment(actor: Actor) -> None:
    own = [c for c, (_, user) in actor.wall.comments.items() if user == actor.log.user]
    if own:
        id_ = actor.random.choice(own[-LATELY:])
        request = DeleteComment(**_of_comment(actor, id_))
        await do(actor, request, "comment", id_, None)


async def like(actor: Actor) -> None:
    if actor.wall.comments:
        id_ = actor.random.choice(list(actor.wall.comments)[-LATELY:])
        model = actor.random.choice((LikeComment, LikeComment, UnlikeComment))
        value = True if model is LikeComment else None
        await do(actor, model(**_of_comment(actor, id_)), "like", of_user(actor, id_), value)


async def set_mood(actor: Actor) -> None:
    if id_ := _post(actor):
        mood, op_id = actor.random.choice((*MOODS, None)), actor.new_id()
        taken_back: Request[Any] = RemoveReaction(op_id=op_id, post_id=id_)
        request = SetReaction(op_id=op_id, post_id=id_, mood=mood) if mood else taken_back
        await do(actor, request, "mood", of_user(actor, id_), mood)


async def vote(actor: Actor) -> None:
    """Who has voted already is refused, unless it is for the same."""
    if actor.wall.polls:
        id_ = actor.random.choice(actor.wall.polls[-LATELY:])
        if actor.random.random() < 0.3:
            request: Request[Any] = Unvote(op_id=actor.new_id(), post_id=id_)
            await do(actor, request, "vote", of_user(actor, id_), None)
            return
        option = actor.random.randrange(len(OPTIONS))
        request = Vote(op_id=actor.new_id(), post_id=id_, options=[option])
        await do(actor, request, "vote", of_user(actor, id_), option)


async def bookmark(actor: Actor) -> None:
    if id_ := _post(actor):
        model = actor.random.choice((SetBookmark, SetBookmark, RemoveBookmark))
        request = model(op_id=actor.new_id(), post_id=id_)
        value = True if model is SetBookmark else None
        await do(actor, request, "bookmark", of_user(actor, id_), value)


async def follow(actor: Actor) -> None:
    other = actor.random.choice([u for u in actor.people.values() if u != actor.log.user])
    model = actor.random.choice((FollowUser, FollowUser, UnfollowUser))
    request = model(op_id=actor.new_id(), user_id=other)
    value = True if model is FollowUser else None
    await do(actor, request, "follow", of_user(actor, other), value)


async def block(actor: Actor) -> None:
    """For a moment, and only whom nobody has to bring into a group."""
    if actor.log.user in actor.wall.blockers:
        other = actor.random.choice(actor.wall.blocked)
        name = of_user(actor, other)
        await do(actor, BlockUser(op_id=actor.new_id(), user_id=other), "block", name, True)
        await do(actor, UnblockUser(op_id=actor.new_id(), user_id=other), "block", name, None)


async def story(actor: Actor) -> None:
    id_ = actor.new_id()
    picture = actor.wall.media[actor.log.user]
    request = CreateStory(story_id=id_, media_id=picture, visibility="public")
    if await do(actor, request, "story", id_, True):
        there = actor.random.choice((actor.wall.stories, actor.wall.stories, actor.wall.fleeting))
        there[id_] = actor.log.user


async def delete_story(actor: Actor) -> None:
    if own := [id_ for id_, user in actor.wall.fleeting.items() if user == actor.log.user]:
        id_ = actor.random.choice(own)
        await do(actor, DeleteStory(op_id=actor.new_id(), story_id=id_), "story", id_, None)


async def view_stories(actor: Actor) -> None:
    if id_ := _story_of_others(actor):
        await do(actor, ViewStories(story_ids=[id_]), "view", of_user(actor, id_), True)


async def react_to_story(actor: Actor) -> None:
    if id_ := _story_of_others(actor):
        mood = actor.random.choice((*MOODS, None))
        request = ReactToStory(op_id=actor.new_id(), story_id=id_, reaction=mood)
        await do(actor, request, "story mood", of_user(actor, id_), mood)


async def read_notices(actor: Actor) -> None:
    upto = time.time_ns() // 1_000_000
    await do(actor, ReadNotifications(op_id=actor.new_id(), upto=upto), "notices", "", upto)


async def feed(actor: Actor) -> None:
    """By small pages, while others post."""
    asked_at, found, before = time.monotonic(), [], None
    while True:
        page: Any = await actor.stream.ask(HomeFeed(before=before, limit=SMALL_PAGE))
        if isinstance(page, str):
            return
        found += [post.post_id for post in page.posts]
        if not page.more:
            break
        before = page.next
    actor.write(Fed(time.monotonic(), asked_at, tuple(found)))


async def watch(actor: Actor) -> None:
    if (id_ := _post(actor)) and len(actor.stream.boards) < WATCHED:
        await actor.stream.watch(id_)


async def watch_story(actor: Actor) -> None:
    """Its author is told the numbers, others that it is there."""
    stories = {**actor.wall.stories, **actor.wall.fleeting}
    own = [id_ for id_, user in stories.items() if user == actor.log.user]
    if stories and len(actor.stream.stories) < WATCHED:
        some = actor.random.choice((own or list(stories), list(stories)))
        await actor.stream.watch_story(actor.random.choice(some[-LATELY:]))


async def begin(actor: Actor) -> None:
    """So that there is something to act upon from the first moment."""
    await actor.stream.watch_feed(actor.log.user)
    for act in (post, watch, story, watch_story, set_mood, comment, view_stories, post):
        await act(actor)


OPERATIONS: dict[Callable[[Actor], Awaitable[None]], int] = {
    post: 4,
    edit_post: 4,
    delete_post: 2,
    restore_post: 4,
    comment: 10,
    delete_comment: 2,
    like: 6,
    set_mood: 12,
    vote: 6,
    bookmark: 5,
    follow: 5,
    block: 5,
    story: 3,
    delete_story: 2,
    view_stories: 5,
    react_to_story: 3,
    read_notices: 2,
    feed: 3,
    watch: 5,
    watch_story: 4,
}


def _post(actor: Actor) -> UUID | None:
    posts = list(actor.wall.posts)[-LATELY:]
    return actor.random.choice(posts) if posts else None


def _story_of_others(actor: Actor) -> UUID | None:
    """Between whom and oneself there never is a block: else to see it would not count."""
    user, wall = actor.log.user, actor.wall
    apart = {*wall.blocked, *wall.blockers} if user in {*wall.blocked, *wall.blockers} else {user}
    stories = [id_ for id_, author in wall.stories.items() if author not in {user, *apart}]
    return actor.random.choice(stories[-LATELY:]) if stories else None


def _own_post(actor: Actor) -> UUID | None:
    posts = actor.wall.posts
    own = [id_ for id_ in actor.wall.versions if posts[id_] == actor.log.user]
    return actor.random.choice(own[-LATELY:]) if own else None


def _of_comment(actor: Actor, id_: UUID) -> dict[str, Any]:
    on = actor.wall.comments[id_][0]
    return {"post_id": on, "comment_id": id_, "op_id": actor.new_id()}
