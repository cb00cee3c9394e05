"""What others do with a story: see it, have a mood on it, answer its stickers."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, StringConstraints, model_validator

from lumina_protocol.fields import Id, Millis, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.message_reactions import Mood
from lumina_protocol.messages import each_once
from lumina_protocol.stories import MAX_STICKERS

Before = Annotated[tuple[Millis, Id], Strict(False)]
PageSize = Annotated[int, Field(ge=1, le=100)]
StickerNo = Annotated[int, Field(ge=0, lt=MAX_STICKERS)]


class StoriesViewed(Reply):
    pass


class ViewStories(Request[StoriesViewed]):
    """Tells which stories the user has seen; each counts once. One's own, those that have expired,
    and those that are not for the user do not count."""

    op = "story.viewed"

    story_ids: Annotated[list[Id], Field(min_length=1, max_length=50), AfterValidator(each_once)]


class StoriesSeen(PersonalEvent):
    """To all devices of the user: they have seen these, or answered them, for the first time."""

    type = "story.seen"

    story_ids: list[UUID]


class StoryViewer(Wire):
    user_id: UUID
    username: str
    seen_at: Millis
    reaction: str | None = None


class ViewerPage(Reply):
    """The newest first."""

    viewers: list[StoryViewer]
    more: bool


class ListViewers(Request[ViewerPage]):
    """Who has seen a story of one's own: the page behind `before` (the `seen_at` and user_id of the
    last one had), or the first."""

    op = "story.viewers"
    scope = "read"

    story_id: Id
    before: Before | None = None
    limit: PageSize = 50


class StoryChanged(Reply):
    changed: bool
    """False when it was so already; then nobody is told."""


class ReactToStory(Change[StoryChanged]):
    """Has one mood on a story instead of any other before; without one, takes it back."""

    op = "story.react"

    story_id: Id
    reaction: Mood | None = None


class AnswerSticker(Change[StoryChanged]):
    """Votes in a poll, once, or answers a question; another answer to a question replaces the one
    before."""

    op = "story.answer"

    story_id: Id
    sticker_no: StickerNo
    option_no: Annotated[int, Field(ge=0, le=3)] | None = None
    """Of a poll."""
    text: (
        Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(without_nul)]
        | None
    ) = None
    """Of a question."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.option_no is None) == (self.text is None):
            raise ValueError("text: give an option_no or a text")
        return self


class StoryAnswer(Wire):
    user_id: UUID
    username: str
    answered_at: Millis
    option_no: int | None = None
    text: str | None = None


class AnswerPage(Reply):
    """The newest first."""

    answers: list[StoryAnswer]
    more: bool


class ListAnswers(Request[AnswerPage]):
    """What was answered to a sticker of one's own story, likewise by pages."""

    op = "story.answers"
    scope = "read"

    story_id: Id
    sticker_no: StickerNo
    before: Before | None = None
    limit: PageSize = 50
