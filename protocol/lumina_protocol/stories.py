"""Stories: shown for 24 hours, made, read, and told to the devices of their author."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from lumina_protocol.fields import Id, Millis, NewId, Seq, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Attachment, Person, each_once
from lumina_protocol.posts import Author

StoryFor = Literal["public", "followers", "close_friends"]
STORY_MEDIA = ["image", "video"]
"""The kinds of media objects that a story shows."""
MAX_STICKERS = 10
MAX_STICKER_BYTES = 12_000
NUMBERS = ("view_count", "reaction_count")
"""What only the author is told; and no event."""

Question = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(without_nul)
]
Choice = Annotated[str, StringConstraints(min_length=1, max_length=50), AfterValidator(without_nul)]
Place = Annotated[float, Field(ge=0, le=1)]


class _NewSticker(Wire):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    x: Place = 0.5
    """Of its centre, as a part of the width."""
    y: Place = 0.5
    """As a part of the height."""


class PollSticker(_NewSticker):
    type: Literal["poll"]
    question: Question
    options: Annotated[list[Choice], Field(min_length=2, max_length=4), AfterValidator(each_once)]


class QuestionSticker(_NewSticker):
    type: Literal["question"]
    question: Question


class LinkSticker(_NewSticker):
    type: Literal["link"]
    url: Annotated[
        str,
        StringConstraints(max_length=1000, pattern=r"^https?://[^\s/]+\S*$"),
        AfterValidator(without_nul),
    ]
    label: Choice | None = None


class MentionSticker(_NewSticker):
    type: Literal["mention"]
    user_id: Id


NewSticker = Annotated[
    PollSticker | QuestionSticker | LinkSticker | MentionSticker, Field(discriminator="type")
]


def _small(stickers: list[_NewSticker]) -> list[_NewSticker]:
    if sum(len(one.model_dump_json().encode()) for one in stickers) > MAX_STICKER_BYTES:
        raise ValueError(f"must have at most {MAX_STICKER_BYTES} bytes together")
    return stickers


class Sticker(Wire):
    """As one user sees it. What its type does not have is left out."""

    sticker_no: int
    """From 0."""
    type: str
    """"poll", "question", "link" or "mention"; a newer server may have others."""
    x: float
    y: float
    question: str | None = None
    options: list[str] | None = None
    votes: list[int] | None = None
    """Of each option, for its author and for who has voted; left out where numbers are."""
    own_option: int | None = None
    own_text: str | None = None
    url: str | None = None
    label: str | None = None
    user: Person | None = None
    """Of a mention; left out when they are gone, or not for the reader."""


class Story(Wire):
    """As one user sees it."""

    story_id: UUID
    author: Author
    media_type: str
    """"image" or "video"."""
    attachment: Attachment | None = None
    """None once it was deleted."""
    visibility: str
    stickers: list[Sticker] = []
    seen: bool
    """True of one's own."""
    own_reaction: str | None = None
    view_count: Seq | None = None
    """For its author, unless they want no numbers; not in events."""
    reaction_count: Seq | None = None
    created_at: Millis
    expires_at: Millis
    """When nobody sees it any more, but in a highlight."""


class StoryKept(Reply):
    """It is on disk."""

    story_id: UUID
    created_at: Millis
    expires_at: Millis


class CreateStory(Request[StoryKept]):
    """Shows something for 24 hours. A retry with the same `story_id` gets the first answer, for 30
    days."""

    op = "story.create"
    keyed_by = "story_id"

    story_id: NewId
    media_id: Id
    """One's own, ready: an image or a video."""
    visibility: StoryFor = "followers"
    stickers: Annotated[
        list[NewSticker], Field(max_length=MAX_STICKERS), AfterValidator(_small)
    ] = []


class StoryPage(Reply):
    stories: list[Story]
    more: bool = False


class GetStories(Request[StoryPage]):
    """Some stories, in this order; those that are not for the reader, or have expired, are left
    out."""

    op = "story.get"
    scope = "read"

    story_ids: Annotated[list[Id], Field(min_length=1, max_length=50), AfterValidator(each_once)]


class ListStories(Request[StoryPage]):
    """The stories of a user that are for who asks, the oldest first. Of who is not there, or has
    blocked who asks, there are none."""

    op = "story.of_user"
    scope = "read"

    user_id: Id
    after: Id | None = None
    """The `story_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class Teller(Wire):
    """Somebody whose stories can be seen now."""

    author: Author
    stories: int
    unseen: int
    newest_at: Millis


class Tray(Reply):
    """Oneself first, then whose stories one has not seen all of, and the newest first."""

    tellers: list[Teller]
    more: bool


class GetTray(Request[Tray]):
    """Whose stories there are, of those whom the user follows and does not mute."""

    op = "story.tray"
    scope = "read"

    limit: Annotated[int, Field(ge=1, le=200)] = 100


class StoryRemoved(Reply):
    changed: bool
    """False when it was so already."""


class DeleteStory(Change[StoryRemoved]):
    """One's own, for everybody, also from highlights."""

    op = "story.delete"

    story_id: Id


class StoryCreated(PersonalEvent):
    """To all devices of its author."""

    type = "story.created"

    story: Story
    """Without numbers."""


class StoryDeleted(PersonalEvent):
    """To all devices of its author."""

    type = "story.deleted"

    story_id: UUID
