"""Drafts: what a user is writing in a conversation, on all their devices and for nobody else."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Id, Millis, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire


class Draft(Wire):
    conversation_id: UUID
    content: str
    reply_to: UUID | None = None
    """The `message_id` of what it will answer. It may have been deleted since."""
    updated_at: Millis


class DraftKept(Reply):
    changed: bool
    """False when all was so already, and nobody is told. What it is now, `draft.changed` tells."""


class SetDraft(Change[DraftKept]):
    """Puts this in the place of the draft that the user has in a conversation; with no content
    there is none any more. The last one that the server gets stands."""

    op = "draft.set"
    scope = "messages.write"

    conversation_id: Id
    content: Annotated[str, StringConstraints(max_length=4000), AfterValidator(without_nul)]
    """Empty: the draft is removed."""
    reply_to: Id | None = None
    """A message of this conversation that the user may see."""


class DraftPage(Reply):
    """In the order of `conversation_id`, so that no change moves a draft to another page."""

    drafts: list[Draft]
    more: bool


class ListDrafts(Request[DraftPage]):
    """All drafts of the user. Long ones make a page shorter than `limit`."""

    op = "draft.list"
    scope = "read"

    after: Id | None = None
    """The `conversation_id` of the last draft of the page before."""
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class DraftChanged(PersonalEvent):
    type = "draft.changed"

    conversation_id: UUID
    draft: Draft | None = None
    """The whole of it; None when there is none any more."""
