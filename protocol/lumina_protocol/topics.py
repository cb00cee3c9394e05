"""Topics: what posts name by hashtags. Found, followed, and read by pages."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lumina_protocol.feed import FeedPage
from lumina_protocol.fields import Id, Millis, Seq, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

MAX_FOLLOWED = 1000
Tag = Annotated[str, StringConstraints(min_length=1, max_length=101), AfterValidator(without_nul)]
"""With or without the mark before it, in any case."""


class Topic(Wire):
    topic_id: UUID
    topic_name: str
    """As it is compared: NFKC, case folded."""
    display_name: str
    """As it was written first, or as staff have it."""
    icon_media_id: UUID | None = None
    description: str | None = None
    color_hex: str | None = None
    """"#RRGGBB"."""
    is_featured: bool = False
    is_trending: bool = False
    post_count: Seq | None = None
    """Posts that name it, whomever they are for. This and the next one are None where the reader
    wants no numbers."""
    follower_count: Seq | None = None
    followed_at: Millis | None = None
    """None: the reader does not follow it."""


class TopicReply(Reply):
    topic: Topic


class GetTopic(Request[TopicReply]):
    """By its id or its name: one of the two is given. A topic is there for whom there is a post in
    it, who follows it, and for all when it is featured or trends."""

    op = "topic.get"
    scope = "read"

    topic_id: Id | None = None
    topic_name: Tag | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.topic_id is None) == (self.topic_name is None):
            raise ValueError("give topic_id or topic_name, and not both")
        return self


class TopicPage(Reply):
    topics: list[Topic]
    more: bool


class ListTopics(Request[TopicPage]):
    """The featured ones, the oldest first."""

    op = "topic.list"
    scope = "read"

    after: Id | None = None
    """The last one had."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class TrendingTopics(Reply):
    """The best first."""

    topics: list[Topic]
    found_at: Millis


class ListTrendingTopics(Request[TrendingTopics]):
    """Topics that many people name now, the newest counting most: of the last day, where what is 4
    hours old counts half, or of the last week, with 28 hours. Found every two minutes or so."""

    op = "topic.trending"
    scope = "read"

    window: Literal["day", "week"] = "day"
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class ListFollowedTopics(Request[TopicPage]):
    """Those that the user follows, the oldest topics first."""

    op = "topic.followed"
    scope = "read"

    after: Id | None = None
    """The last one had."""
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class FoundTopics(Reply):
    """What is exactly that comes first, then those that the user follows, those that are featured
    or trend, and those with the most posts."""

    topics: list[Topic]


class CompleteTopic(Request[FoundTopics]):
    """Topics whose names begin with these letters, for a hashtag as one types it. Of very many the
    first 1,000 by name, and all that are featured or trend."""

    op = "topic.complete"
    scope = "read"

    prefix: Tag
    limit: Annotated[int, Field(ge=1, le=20)] = 10


class TopicPosts(FeedPage):
    """As of `feed.home`."""


class PageTopicPosts(Request[TopicPosts]):
    """Posts that name a topic, for whom they are for, by `post_id`: what is new while one pages
    moves nothing. Without those of muted users."""

    op = "topic.posts"
    scope = "read"

    topic_id: Id
    before: Id | None = None
    """Older ones than this. None: the newest."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class FollowedTopic(Wire):
    """What of a topic does not change by itself."""

    topic_id: UUID
    topic_name: str
    display_name: str
    followed_at: Millis


class TopicFollowKept(Reply):
    topic_id: UUID
    changed: bool
    """False when it was so already; then nobody is told."""


class FollowTopic(Change[TopicFollowKept]):
    """Up to 1,000 topics."""

    op = "topic.follow"

    topic_id: Id


class UnfollowTopic(Change[TopicFollowKept]):
    """Whatever has become of the topic for the user."""

    op = "topic.unfollow"

    topic_id: Id


class TopicKept(Reply):
    topic_id: UUID
    changed: bool


class ChangeTopic(Change[TopicKept]):
    """For staff: how a topic is shown. What is left out stays as it is."""

    op = "topic.change"

    topic_id: Id
    color_hex: Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$")] | None = None
    """"#RRGGBB"; empty: none."""
    is_featured: bool | None = None
    description: (
        Annotated[str, StringConstraints(max_length=2000), AfterValidator(without_nul)] | None
    ) = None
    """Empty: none."""
    display_name: (
        Annotated[
            str,
            StringConstraints(min_length=1, max_length=100, pattern=r"\S"),
            AfterValidator(without_nul),
        ]
        | None
    ) = None
    """How the name is shown; the topic is found by its `topic_name` as before."""
    icon_media_id: Id | None = None
    """An image of one's own that is ready."""
    remove_icon: bool = False


class TopicFollowChanged(PersonalEvent):
    """To all devices of the user."""

    type = "topic.follow_changed"

    topic_id: UUID
    followed: FollowedTopic | None = None
    """None: the user does not follow it any more."""
