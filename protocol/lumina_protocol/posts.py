"""Posts: make one, read one, and those of a user, and be told of one's own."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from lumina_protocol.fields import Id, Millis, NewId, Seq, without_nul
from lumina_protocol.frame import PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Attachment, Person, each_once

PostType = Literal["photo", "video", "text", "audio", "poll", "collaborative"]
ShownTo = Literal["public", "friends", "private", "custom"]
Commenters = Literal["everyone", "following", "friends"]
Results = Literal["always", "after_vote", "after_close"]
PICTURES = ["image", "gif"]
POST_MEDIA: dict[str, list[str]] = {
    "photo": PICTURES,
    "video": ["video", *PICTURES],
    "text": [],
    "audio": ["audio", "voice_note"],
    "poll": ["video", *PICTURES],
    "collaborative": ["video", "audio", "voice_note", *PICTURES],
}
"""Of each type, the kinds of media objects that fit."""
NEEDS_MEDIA = ("photo", "video", "audio")
MAX_COAUTHORS = 5
MAX_OPTIONS = 20
NUMBERS = ("reactions", "comment_count", "share_count", "view_count")
"""What is left out where the viewer wants no numbers, or the author shows none; and of events."""

Caption = Annotated[str, StringConstraints(max_length=2200), AfterValidator(without_nul)]
MediaIds = Annotated[list[Id], Field(max_length=20), AfterValidator(each_once)]
Coauthors = Annotated[list[Id], Field(max_length=MAX_COAUTHORS), AfterValidator(each_once)]


class Author(Wire):
    user_id: UUID
    username: str
    full_name: str | None = None


class Place(Wire):
    """Where a post is from."""

    name: str | None = None
    latitude: float | None = None
    """In degrees, WGS 84; both or none."""
    longitude: float | None = None


class Quoted(Wire):
    """The post that another one quotes. What is gone, or not for the reader, is its id alone."""

    post_id: UUID
    author_id: UUID | None = None
    username: str | None = None
    excerpt: str | None = None
    """The first 200 characters of its caption, as it is now."""


class PollOption(Wire):
    option_no: int
    """From 0."""
    label: str
    votes: int | None = None
    """None while the results are not for the reader."""


class Poll(Wire):
    question: str
    options: list[PollOption]
    multiple: bool
    """Whether one may vote for several."""
    closes_at: Millis | None = None
    show_results: str
    """"always", "after_vote" (to who has voted, and to all once it is closed) or "after_close"."""
    own_votes: list[int] = []


class Post(Wire):
    """As one user sees it."""

    post_id: UUID
    author: Author
    post_type: str
    caption: str | None = None
    attachments: list[Attachment] | None = None
    visibility: str
    audience_id: UUID | None = None
    """Of "custom"; only its author is told."""
    allow_comments: bool
    allow_reactions: bool
    who_may_comment: str
    location: Place | None = None
    quoted: Quoted | None = None
    coauthors: list[Person] | None = None
    """Those who have accepted, in that order."""
    own_part: str | None = None
    """"invited", "accepted" or "declined" for whom it names as a co-author."""
    mentions: list[Person] | None = None
    """Whom its caption names."""
    hashtags: list[str] | None = None
    """Of its caption, as they are compared, in alphabetical order."""
    poll: Poll | None = None
    reactions: dict[str, int] | None = None
    """How many have which mood; those that nobody has are left out. This and the next three are
    left out where the reader wants no numbers or the author shows none, and of events."""
    comment_count: Seq | None = None
    share_count: Seq | None = None
    view_count: Seq | None = None
    own_reaction: str | None = None
    bookmarked: bool = False
    is_edited: bool = False
    is_archived: bool | None = None
    """True when only its author sees it; else left out."""
    created_at: Millis
    version: int
    """The number of its newest change by its author: the `base_version` of an edit."""


class NewPlace(Wire):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    name: (
        Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(without_nul)]
        | None
    ) = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give both coordinates")
        if self.name is None and self.latitude is None:
            raise ValueError("give a name or coordinates")
        return self


Label = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)]


class NewPoll(Wire):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    question: Annotated[
        str, StringConstraints(min_length=1, max_length=300), AfterValidator(without_nul)
    ]
    options: Annotated[
        list[Label], Field(min_length=2, max_length=MAX_OPTIONS), AfterValidator(each_once)
    ]
    multiple: bool = False
    closes_at: Millis | None = None
    """To come, and within a year."""
    show_results: Results = "after_vote"


class PostKept(Reply):
    """It is on disk."""

    post_id: UUID
    version: int
    created_at: Millis


class CreatePost(Request[PostKept]):
    """Publishes a post. A retry with the same `post_id` gets the first answer, for 30 days."""

    op = "post.create"
    keyed_by = "post_id"

    post_id: NewId
    post_type: PostType
    visibility: ShownTo = "public"
    audience_id: Id | None = Field(default=None, validate_default=True)
    """Of "custom": one of one's own audiences."""
    allow_comments: bool = True
    allow_reactions: bool = True
    who_may_comment: Commenters = "everyone"
    location: NewPlace | None = None
    media_ids: MediaIds = Field(default=[], validate_default=True)
    """One's own media objects, ready, of kinds that fit the type."""
    quoted_post_id: Id | None = None
    """A post that the author may see."""
    coauthors: Coauthors = Field(default=[], validate_default=True)
    """Of "collaborative": who is invited. They are shown once they have accepted."""
    poll: NewPoll | None = Field(default=None, validate_default=True)
    """Of "poll"."""
    caption: Caption | None = Field(default=None, validate_default=True)
    """What it says; the server finds hashtags and names in it. Needed where there is nothing
    else."""

    @field_validator("audience_id")
    @classmethod
    def _audience(cls, audience_id: UUID | None, info: ValidationInfo) -> UUID | None:
        if (audience_id is not None) != (info.data.get("visibility") == "custom"):
            raise ValueError("is for the visibility custom, and needed there")
        return audience_id

    @field_validator("media_ids")
    @classmethod
    def _media(cls, media_ids: list[UUID], info: ValidationInfo) -> list[UUID]:
        kind = info.data.get("post_type", "")
        if not media_ids and kind in NEEDS_MEDIA:
            raise ValueError(f"needed for a post of type {kind}")
        if media_ids and not POST_MEDIA.get(kind):
            raise ValueError("not for a post of text")
        return media_ids

    @field_validator("coauthors")
    @classmethod
    def _together(cls, coauthors: list[UUID], info: ValidationInfo) -> list[UUID]:
        if bool(coauthors) != (info.data.get("post_type") == "collaborative"):
            raise ValueError("are for a collaborative post, and needed there")
        return coauthors

    @field_validator("poll")
    @classmethod
    def _asks(cls, poll: NewPoll | None, info: ValidationInfo) -> NewPoll | None:
        if (poll is not None) != (info.data.get("post_type") == "poll"):
            raise ValueError("is for a post of type poll, and needed there")
        return poll

    @field_validator("caption")
    @classmethod
    def _something(cls, caption: str | None, info: ValidationInfo) -> str | None:
        if not caption and not any(map(info.data.get, ("media_ids", "quoted_post_id", "poll"))):
            raise ValueError("must not be empty where there is nothing else")
        return caption or None


class PostReply(Reply):
    post: Post


class GetPost(Request[PostReply]):
    """One post."""

    op = "post.get"
    scope = "read"

    post_id: Id


class PostPage(Reply):
    """The newest first."""

    posts: list[Post]
    more: bool


class ListPosts(Request[PostPage]):
    """The posts of a user that are for who asks, with those that they are a co-author of. Long ones
    make a page shorter than `limit`. Of who is not there, or has blocked who asks, there are none.
    """

    op = "post.of_user"
    scope = "read"

    user_id: Id
    before: Id | None = None
    """The `post_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class PostCreated(PersonalEvent):
    """To all devices of its author."""

    type = "post.created"

    post: Post
    """Without numbers."""


class PostChanged(PersonalEvent):
    """To all devices of its author: it was edited, archived, brought back or restored, or a
    co-author has answered."""

    type = "post.changed"

    post: Post
    """The whole of it, without numbers."""


class PostDeleted(PersonalEvent):
    """To all devices of its author."""

    type = "post.deleted"

    post_id: UUID
