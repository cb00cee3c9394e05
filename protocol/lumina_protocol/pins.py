"""Messages that a conversation keeps at hand."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.fields import Id, Seq
from lumina_protocol.frame import Change, Reply, Request, Wire
from lumina_protocol.messages import Message


class PinKept(Reply):
    message_id: UUID
    seq: Seq
    rev: Seq
    """Of the message as it is now."""
    changed: bool
    """False when it was so already; then nobody is told."""


class PinMessage(Change[PinKept]):
    """In a group as its owner or an admin, in a direct conversation as either of the two."""

    op = "message.pin"
    scope = "messages.write"

    conversation_id: Id
    message_id: Id


class UnpinMessage(Change[PinKept]):
    """Whoever may pin takes away any pin, also of a message that they do not see themselves."""

    op = "message.unpin"
    scope = "messages.write"

    conversation_id: Id
    message_id: Id


class Pin(Wire):
    message: Message
    pinned_by: UUID


class PinPage(Reply):
    """The newest messages first."""

    pins: list[Pin]
    more: bool


class ListPins(Request[PinPage]):
    """The pinned messages that the user may see. Long messages make a page shorter."""

    op = "message.pins"
    scope = "read"

    conversation_id: Id
    before_seq: Seq | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 50
