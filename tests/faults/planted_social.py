"""Bugs beyond messages, which the suite must find, see planted.py."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from types import ModuleType
from typing import Any
from uuid import UUID

from lumina_protocol.reactions import ReactionChanged

from lumina_rt import feeds, watching
from lumina_rt.handlers import feed, notifications, reactions
from lumina_rt.streams import owner
from lumina_rt.workers import counters


def _rewrite(of: ModuleType, name: str, old: str, new: str) -> None:
    """One of its statements."""
    asked = getattr(of, name)
    assert old in asked.text
    setattr(of, name, replace(asked, text=asked.text.replace(old, new)))


def lost_mood() -> None:
    """Two moods are not kept, and whoever has them is told that they are."""
    lost = "array_replace(array_replace($6::text[], 'curious', null), 'excited', null)"
    _rewrite(reactions, "REACT", "$6", lost)


def mistold_mood() -> None:
    """One's other devices are told that a mood was taken back."""

    def told(*, post_id: UUID, mood: str | None, user_rev: int) -> ReactionChanged:
        return ReactionChanged(post_id=post_id, user_rev=user_rev)

    setattr(reactions, "ReactionChanged", told)  # noqa: B010


def narrow_list() -> None:
    """The list of what one has reacted to leaves all out."""
    without = "where user_id = $1 and false"
    _rewrite(reactions, "MINE", "where user_id = $1", without)


def double_fold() -> None:
    """Comments are counted twice."""
    once = "comment_count = comment_count + comments"
    _rewrite(counters, "FOLD", once, "comment_count = comment_count + 2 * comments")


def growing_badge() -> None:
    """Of notifications one is said to be unread that is not there."""
    _rewrite(notifications, "UNREAD", "select count(*)", "select 1 + count(*)")


def doubled_feed() -> None:
    """The last post of a page is the first one of the next."""
    _rewrite(feed, "OLDER", "post_id < $2", "post_id <= $2")


def untold_feed() -> None:
    """Of two posts out of three nobody who watches their feed is told."""
    tell = feeds.Feeds._tell

    async def tell_some(self: feeds.Feeds, readers: list[UUID], posts: list[UUID]) -> None:
        await tell(self, readers, [post for post in posts if not post.int % 3])

    setattr(feeds.Feeds, "_tell", tell_some)  # noqa: B010


def open_feed() -> None:
    """Of a post all who watch their feed are told, whomever they follow."""
    _rewrite(feeds, "READERS", "where p.user_id = r.user_id", "where true")


def untold_stories() -> None:
    """Nobody who watches a story is told what becomes of its numbers."""
    whisper = watching.Watching._whisper

    def tell(
        self: watching.Watching,
        watch: watching.Watch,
        state: watching.State,
        frames: dict[Any, bytes],
    ) -> None:
        if watch.subject.kind.name != "story":
            whisper(self, watch, state, frames)

    setattr(watching.Watching, "_whisper", tell)  # noqa: B010


def unmarked_posts() -> None:
    """Nobody who watches a post is told that it has changed."""

    def mark(self: watching.Watching, subject_ids: Collection[UUID]) -> None:
        for subject_id in subject_ids:
            if (user_id := owner(subject_id)) is not None:
                self._mark_person(user_id)

    def mark_all(self: watching.Watching) -> None: ...

    setattr(watching.Watching, "mark", mark)  # noqa: B010
    setattr(watching.Watching, "mark_all", mark_all)  # noqa: B010


PLANTS: dict[str, Callable[[], None]] = {
    "lost-mood": lost_mood,
    "mistold-mood": mistold_mood,
    "narrow-list": narrow_list,
    "double-fold": double_fold,
    "growing-badge": growing_badge,
    "doubled-feed": doubled_feed,
    "untold-feed": untold_feed,
    "open-feed": open_feed,
    "untold-stories": untold_stories,
    "unmarked-posts": unmarked_posts,
}
