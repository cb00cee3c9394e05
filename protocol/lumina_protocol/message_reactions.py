"""Moods on messages: have one, change it, take it back, see who has which."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, Strict

from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Change, Reply, Request, Wire

Mood = Literal["inspired", "grateful", "curious", "excited", "thoughtful"]


class ReactionKept(Reply):
    message_id: UUID
    seq: Seq
    rev: Seq
    """Of the message as it is now."""
    changed: bool
    """False when it was so already; then nobody is told."""


class React(Change[ReactionKept]):
    """Has one mood on a message instead of any other before; without one, takes it
    back.

    With an `op_id`: a retry that comes late would undo what another device has done since.
    """

    op = "message.react"
    scope = "messages.write"

    conversation_id: Id
    message_id: Id
    reaction: Mood | None = None


class Reaction(Wire):
    user_id: UUID
    username: str
    reaction: str
    reacted_at: Millis
    """When the user first reacted; another mood leaves it as it is."""


class ReactionPage(Reply):
    """In the order in which they have reacted."""

    reactions: list[Reaction]
    more: bool
    own: str | None = None
    """The mood of who asks."""


class ListReactions(Request[ReactionPage]):
    """Who has which mood on a message: the page behind `after` (the `reacted_at` and user_id of the
    last one had), or the first."""

    op = "message.reactions"
    scope = "read"

    conversation_id: Id
    message_id: Id
    after: Annotated[tuple[Millis, Id], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
