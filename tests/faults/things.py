"""What a user has beyond messages: as lists tell it, and as events change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from lumina_protocol.blocks import ListBlocks, UserBlocked, UserUnblocked
from lumina_protocol.bookmarks import BookmarkChanged, PageBookmarks
from lumina_protocol.follows import FollowChanged, FollowersChanged, ListFollowers, ListFollowing
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.notifications import (
    CountNotifications,
    ListNotifications,
    NotificationChanged,
    NotificationGroup,
    NotificationRemoved,
    NotificationsRead,
)
from lumina_protocol.posts import ListPosts, Post, PostChanged, PostCreated, PostDeleted
from lumina_protocol.reactions import ListReactions, ReactionChanged
from lumina_protocol.stories import ListStories, StoryCreated, StoryDeleted

from tests.faults.lists import Ask
from tests.faults.log import Has, HasAll, Log, Things, Value

KINDS = ("post", "mood", "bookmark", "follow", "follower", "block", "story", "notice", "unread")
READ = 3
"""The place in the value of a notice that says whether it is read."""


class Unanswered(Exception):
    pass


def told(at: float, event: PersonalEvent) -> Iterator[Has]:
    """What an event says."""
    for kind, name, value in (*_done(event), *_people(event), *_notices(event)):
        yield Has(at, kind, str(name), value)


Saying = tuple[str, object, Value]


def _done(event: PersonalEvent) -> Iterator[Saying]:
    match event:
        case PostCreated(post=post) | PostChanged(post=post):
            yield "post", post.post_id, _post(post)
        case PostDeleted(post_id=post_id):
            yield "post", post_id, None
        case ReactionChanged(post_id=post_id, mood=mood):
            yield "mood", post_id, mood
        case BookmarkChanged(post_id=post_id, bookmark=kept):
            yield "bookmark", post_id, kept is not None or None
        case StoryCreated(story=story):
            yield "story", story.story_id, True
        case StoryDeleted(story_id=story_id):
            yield "story", story_id, None


def _people(event: PersonalEvent) -> Iterator[Saying]:
    match event:
        case FollowChanged(user_id=user_id, state=state):
            yield "follow", user_id, state == "follows" or None
        case FollowersChanged(followers=followers):
            for one in followers:
                yield "follower", one.user_id, one.state == "follows" or None
        case UserBlocked(user=user):
            yield "block", user.user_id, True
        case UserUnblocked(user_id=user_id):
            yield "block", user_id, None


def _notices(event: PersonalEvent) -> Iterator[Saying]:
    match event:
        case NotificationChanged(group=group):
            yield "notice", group.group_key, _notice(group)
        case NotificationRemoved(group_keys=keys):
            for key in keys:
                yield "notice", key, None
        case NotificationsRead(group_keys=keys, upto=upto):
            yield "read", "", (upto or -1, *keys)
        case _:
            return
    yield "unread", "", event.unread


def _post(post: Post) -> Value:
    return post.version, post.caption or ""


def _notice(group: NotificationGroup) -> Value:
    who = " ".join(str(actor.user_id) for actor in group.actors)
    return group.title, group.text, group.updated_at, group.is_read, group.count, who


def held(log: Log) -> Things | None:
    """What a device has in the end; None: it has not read what there is."""
    found: Things | None = None
    for entry in log.entries:
        if isinstance(entry, HasAll):
            found = {kind: dict(entry.things.get(kind, {})) for kind in KINDS}
        elif isinstance(entry, Has) and found is not None:
            take(found, entry)
    return found


def take(things: Things, entry: Has) -> None:
    """By the rules of the protocol."""
    if entry.kind == "read":
        assert isinstance(entry.value, tuple)
        upto, *names = entry.value
        for name, notice in things["notice"].items():
            assert isinstance(notice, tuple)
            if name in names or notice[2] <= upto:  # type: ignore[operator]
                things["notice"][name] = (*notice[:READ], True, *notice[READ + 1 :])
    elif entry.value is None:
        things[entry.kind].pop(entry.name, None)
    else:
        things[entry.kind][entry.name] = entry.value


async def listed(ask: Ask, user: UUID) -> Things:
    """Raises Unanswered."""
    posts = await every(ask, ListPosts(user_id=user, limit=50), "posts", "post_id")
    moods = await every(ask, ListReactions(limit=50), "reactions", "reacted_at", "post_id")
    kept = await _bookmarks(ask)
    following = await every(ask, ListFollowing(), "users", "since", "user_id")
    followers = await every(ask, ListFollowers(), "users", "since", "user_id")
    blocks = await every(ask, ListBlocks(), "users", "blocked_at", "user_id")
    stories = await _stories(ask, user)
    notices = await every(ask, ListNotifications(), "groups", "updated_at", "group_key")
    return {
        "post": {str(p.post_id): _post(p) for p in posts if p.author.user_id == user},
        "mood": {str(one.post_id): one.mood for one in moods},
        "bookmark": kept,
        "follow": _all(one.user_id for one in following),
        "follower": _all(one.user_id for one in followers),
        "block": _all(one.user_id for one in blocks),
        "story": stories,
        "notice": {one.group_key: _notice(one) for one in notices},
        "unread": {"": (await answer(ask, CountNotifications())).unread},
    }


def _all(names: Iterable[object]) -> dict[str, Value]:
    return {str(name): True for name in names}


async def _bookmarks(ask: Ask) -> dict[str, Value]:
    page: Any = None
    found: list[Any] = []
    while page is None or page.more:
        before = (found[-1].bookmarked_at, found[-1].post_id) if found else None
        page = await answer(ask, PageBookmarks(before=before, limit=50))
        found += [each.bookmark for each in page.kept]
    return _all(each.post_id for each in found)


async def _stories(ask: Ask, user: UUID) -> dict[str, Value]:
    page: Any = None
    found: list[UUID] = []
    while page is None or page.more:
        after = found[-1] if found else None
        page = await answer(ask, ListStories(user_id=user, after=after, limit=50))
        found += [each.story_id for each in page.stories]
    return _all(found)


async def every(ask: Ask, request: Any, items: str, *place: str) -> list[Any]:
    """Of all pages. `place`: by which fields of its last one the next page is asked for."""
    found: list[Any] = []
    page: Any = None
    while page is None or page.more:
        if found:
            last = tuple(getattr(found[-1], name) for name in place)
            request = request.model_copy(update={"before": last if len(last) > 1 else last[0]})
        page = await answer(ask, request)
        found += getattr(page, items)
    return found


async def answer(ask: Ask, request: Any) -> Any:
    said = await ask(request)
    if isinstance(said, str):
        raise Unanswered(said)
    return said
