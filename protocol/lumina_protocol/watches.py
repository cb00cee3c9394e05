"""Watch what others make: its state, told a few times a second at most while it changes."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from lumina_protocol.comments import Comment
from lumina_protocol.feed import FeedNew
from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Event, Reply, Request, Wire

MAX_WATCHED = 100
"""Things that one connection watches."""
MAX_TOLD = 50
"""Comments that have changed, in one state."""
Watchable = Literal["post", "story", "feed", "topic", "profile"]
"""A feed is known by whose it is: only one's own. A profile by its user."""


class PollState(Wire):
    """The question and its options are in the post."""

    is_closed: bool
    votes: list[int] | None = None
    """Of each option, from the first. None while the results are not for the reader."""


class PostState(Event):
    """What a post is now, the same for all who watch it, but for the results of a poll: without
    what is a reader's own. Not kept: the next one tells all that this one does.

    Numbers (`reactions`, the counts, and those of comments) are None where the reader wants none,
    or the author shows none. Comments of those between whom and the reader there is a block are
    left out.
    """

    type = "post.state"

    post_id: UUID
    caption: str | None = None
    post_type: str
    visibility: str
    allow_comments: bool
    allow_reactions: bool
    who_may_comment: str
    is_edited: bool = False
    reactions: dict[str, int] | None = None
    """How many have which mood; those that nobody has are left out."""
    comment_count: Seq | None = None
    share_count: Seq | None = None
    view_count: Seq | None = None
    poll: PollState | None = None
    """Of a poll."""
    comment_rev: Seq
    """The number of the newest change among its comments."""
    from_rev: Seq
    """`comments` are those that changed after this, up to `comment_rev`. Who has had less asks
    `comment.sync`."""
    comments: list[Comment] = []
    comments_limited: bool = False
    """True when there are more than 50, and none of them is here: `comment.sync` has them."""


class StoryState(Event):
    """That a story is there, and for its author how it is received. Numbers are None for others,
    and where the author wants none. When it expires or is deleted, `watch.ended` says so. Not
    kept."""

    type = "story.state"

    story_id: UUID
    view_count: Seq | None = None
    reaction_count: Seq | None = None
    answer_count: Seq | None = None
    expires_at: Millis


class TopicState(Event):
    """What a topic is now. Numbers are None where the reader wants none. Not kept."""

    type = "topic.state"

    topic_id: UUID
    display_name: str
    icon_media_id: UUID | None = None
    description: str | None = None
    color_hex: str | None = None
    is_featured: bool = False
    is_trending: bool = False
    post_count: Seq | None = None
    """Posts that name it, whomever they are for."""
    follower_count: Seq | None = None
    newest_post_id: UUID | None = None
    """Of those that everybody may see, without whoever has blocked the reader or is blocked by
    them: when it is another than before, there is something new."""


class ProfileState(Event):
    """What a profile is now. Numbers are None where the reader wants none, or the user shows none.
    Not kept."""

    type = "profile.state"

    user_id: UUID
    username: str
    full_name: str | None = None
    picture_media_id: UUID | None = None
    is_private: bool
    is_verified: bool
    whole: bool
    """False: what is below is not for the reader, and left out."""
    bio: str | None = None
    follower_count: Seq | None = None
    following_count: Seq | None = None
    post_count: Seq | None = None
    newest_post_id: UUID | None = None
    """Of those that are not for a few: when it is another than before, there is something new."""


class WatchEnded(Event):
    """Nothing more is told of it. It is not there any more, or not for the reader."""

    type = "watch.ended"

    subject_type: str
    subject_id: UUID
    why: str
    """"gone"."""


class Watched(Reply):
    """What it is now; what it is later comes as an event of the same form."""

    post: PostState | None = None
    feed: FeedNew | None = None
    """`limited`: what is there, `feed.home` tells."""
    story: StoryState | None = None
    topic: TopicState | None = None
    profile: ProfileState | None = None


class Watch(Request[Watched]):
    """From now on this connection is told what becomes of this, until it ends or `unwatch`. To ask
    again gives the newest state. Up to 100 things."""

    op = "watch"
    over_http = False
    scope = "read"

    subject_type: Watchable
    subject_id: Id


class Unwatched(Reply):
    changed: bool
    """False when it was not watched."""


class Unwatch(Request[Unwatched]):
    op = "unwatch"
    over_http = False
    scope = "read"

    subject_type: Watchable
    subject_id: Id
