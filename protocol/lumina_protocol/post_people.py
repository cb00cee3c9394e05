"""What others do with a post: co-authors answer, whoever sees it shares and views it, or finds it
near a place."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from lumina_protocol.fields import Id, NewId
from lumina_protocol.frame import Change, Reply, Request, Wire
from lumina_protocol.messages import each_once
from lumina_protocol.posts import PostPage

Via = Literal["link", "message", "story", "repost"]
MAX_VIEWS = 50
FARTHEST_KM = 50.0


class CoauthorAnswered(Reply):
    post_id: UUID
    own_part: str
    changed: bool
    """False when it was so already; then nobody is told."""


class AnswerCoauthor(Change[CoauthorAnswered]):
    """Accepts or declines to be a co-author of a post that one is invited to. Who has accepted
    may decline later, and so leave; who has declined is not asked again."""

    op = "post.coauthor_answer"

    post_id: Id
    accept: bool


class PostShared(Reply):
    share_id: UUID


class SharePost(Request[PostShared]):
    """Counts that one has shared a post. What is shared with whom, its own operation does; a quote
    is a post with `quoted_post_id`."""

    op = "post.share"
    keyed_by = "share_id"

    share_id: NewId
    post_id: Id
    via: Via


class View(Wire):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    post_id: Id
    watch_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Seconds of watching or listening."""


def each_post_once(views: list[View]) -> list[View]:
    each_once([view.post_id for view in views])
    return views


class PostsViewed(Reply):
    """They will be counted, each once for a viewer and day; also this may be lost."""


class ViewPosts(Request[PostsViewed]):
    """Tells which posts the user has seen. Views of one's own posts, and of those that are not for
    the user, do not count."""

    op = "post.viewed"

    views: Annotated[
        list[View], Field(min_length=1, max_length=MAX_VIEWS), AfterValidator(each_post_once)
    ]


class ListNearby(Request[PostPage]):
    """Public posts from within some kilometres of a place, that are for who asks: the nearest
    first. Long ones make a page shorter than `limit`."""

    op = "post.nearby"
    scope = "read"

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    within_km: Annotated[float, Field(gt=0, le=FARTHEST_KM)] = 5.0
    newest: bool = False
    """The newest first, instead of the nearest."""
    after: Id | None = None
    """The `post_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20
