"""Highlights: stories that their author keeps beyond their day, in named rows."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Id, Millis, NewId, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Attachment, each_once

MAX_HIGHLIGHTS = 100
MAX_ITEMS = 100

HighlightTitle = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)
]
Items = Annotated[list[Id], Field(max_length=MAX_ITEMS), AfterValidator(each_once)]


class Highlight(Wire):
    """As one user sees it."""

    highlight_id: UUID
    title: str
    cover: Attachment | None = None
    story_ids: list[UUID]
    """Those that are for the reader, the oldest first: `story.get` has them."""
    created_at: Millis


class HighlightReply(Reply):
    highlight: Highlight


class CreateHighlight(Request[HighlightReply]):
    """A retry with the same `highlight_id` gets the first answer, for 30 days."""

    op = "highlight.create"
    keyed_by = "highlight_id"

    highlight_id: NewId
    highlight_title: HighlightTitle
    story_ids: Annotated[
        list[Id], Field(min_length=1, max_length=MAX_ITEMS), AfterValidator(each_once)
    ]
    """One's own. Who may see one of them, is as it was when it was new."""
    cover_media_id: Id | None = None
    """One's own image, ready."""


class ChangeHighlight(Change[HighlightReply]):
    """What is left out, stays as it is."""

    op = "highlight.change"

    highlight_id: Id
    highlight_title: HighlightTitle | None = None
    cover_media_id: Id | None = None
    add_ids: Items = []
    """Stories of one's own."""
    take_ids: Items = []


class HighlightRemoved(Reply):
    changed: bool
    """False when it was so already."""


class RemoveHighlight(Change[HighlightRemoved]):
    """Its stories that have expired are gone then, unless another one has them."""

    op = "highlight.remove"

    highlight_id: Id


class HighlightList(Reply):
    highlights: list[Highlight]


class ListHighlights(Request[HighlightList]):
    """Those of a user that have anything for who asks, the oldest first; one's own, all."""

    op = "highlight.list"
    scope = "read"

    user_id: Id


class HighlightChanged(PersonalEvent):
    """To all devices of its author."""

    type = "highlight.changed"

    highlight_id: UUID
    highlight: Highlight | None = None
    """None when it was removed."""
