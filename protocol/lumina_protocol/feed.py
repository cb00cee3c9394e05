"""The home feed: posts of whom one follows and one's own, and what is new there."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from lumina_protocol.fields import Id
from lumina_protocol.frame import Event, Reply, Request, Wire
from lumina_protocol.posts import Post

MAX_NEW = 20


class FeedPage(Reply):
    posts: list[Post]
    """The newest first."""
    more: bool
    next: UUID | None = None
    """Where `more`: the `before` (or `after`) of the next page. A page may be shorter than `limit`,
    and even empty, and not the last one: what is not for the reader is left out."""


class HomeFeed(Request[FeedPage]):
    """Posts of those whom one follows, those that they are co-authors of, and one's own, by
    `post_id`: what is new while one pages moves nothing. Without those of muted users."""

    op = "feed.home"
    scope = "read"

    before: Id | None = None
    """Older ones than this post. Neither: the newest."""
    after: Id | None = Field(default=None, validate_default=True)
    """Newer ones, of which those come first that are next to it."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20

    @field_validator("after")
    @classmethod
    def _one_way(cls, after: UUID | None, info: ValidationInfo) -> UUID | None:
        if after is not None and info.data.get("before") is not None:
            raise ValueError("not together with before")
        return after


class NewPost(Wire):
    post_id: UUID
    author_id: UUID


class FeedNew(Event):
    """To a connection that watches its feed, once a second at most: there are new posts. A hint,
    not kept, the same post may be named twice: who wants to see them asks `feed.home`."""

    type = "feed.new"

    posts: list[NewPost]
    """Up to 20, the oldest first."""
    limited: bool = False
    """True: there may be others. The answer to `watch` says so, before which nothing was told."""
