"""Messages: send, edit and delete them, read what was said, be told of what is new."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from lumina_protocol.fields import Content, Id, Millis, NewId, Seq
from lumina_protocol.frame import Change, Event, Reply, Request, Wire


class Person(Wire):
    user_id: UUID
    username: str


class GroupLook(Wire):
    """How a group shows itself; what it has not is left out."""

    title: str | None = None
    description: str | None = None
    picture_media_id: UUID | None = None


class Note(Wire):
    """What a message of type "system" says, for apps that say it in their own words."""

    kind: str
    """"created", "added", "removed", "left", "role", "changed", "joined" or "banned"; a newer
    server may have others."""
    people: list[Person] = []
    """Whom it is about."""
    owner_id: UUID | None = None
    """Who owns the group now, when that has changed by itself."""
    role: str | None = None
    """Of "role": what the people are now."""
    group: GroupLook | None = None
    """Of "changed": all of it, as it is now."""


class Reacted(Wire):
    """One mood on a message."""

    reaction: str
    """"inspired", "grateful", "curious", "excited" or "thoughtful"."""
    count: int
    user_ids: list[UUID]
    """Those among the first 20 who have reacted to the message in any way; who else has,
    `message.reactions` tells."""


class Message(Wire):
    conversation_id: UUID
    message_id: UUID
    seq: Seq
    """Its place in the conversation: 1, 2, 3 ... without holes."""
    rev: Seq
    """The number of the change that made it what it is now."""
    sender_id: UUID
    message_type: str
    """"text", or "system" for a note of the server; a newer server may have others, which an
    older app shows by their content."""
    content: str
    """Empty once it is deleted."""
    note: Note | None = None
    created_at: Millis
    edited_at: Millis | None = None
    is_deleted: bool = False
    reactions: list[Reacted] | None = None
    """What came first is first; None while there are none."""
    pinned_at: Millis | None = None
    """None when it is not pinned."""


class MessageSent(Reply):
    """The message is on disk. The same answer comes for every retry with this id."""

    message_id: UUID
    seq: Seq
    rev: Seq
    created_at: Millis


class SendMessage(Request[MessageSent]):
    op = "message.send"
    scope = "messages.write"
    limited_as = "message"

    conversation_id: Id
    message_id: NewId
    content: Content


class MessageEdited(Reply):
    message_id: UUID
    seq: Seq
    rev: Seq
    """The `base_rev` of the next edit."""
    edited_at: Millis


class EditMessage(Change[MessageEdited]):
    """Gives one's own message another content, if it is still what the editor saw."""

    op = "message.edit"
    scope = "messages.write"

    conversation_id: Id
    message_id: Id
    base_rev: Seq
    """The `rev` of the message that the editor saw."""
    content: Content


class FormerContent(Wire):
    content: str
    rev: Seq
    """From when on it said so."""
    replaced_at: Millis


class EditPage(Reply):
    """The newest first."""

    edits: list[FormerContent]
    more: bool


class ListEdits(Request[EditPage]):
    """What a message said before it was edited, within the last 30 days."""

    op = "message.edits"
    scope = "read"

    conversation_id: Id
    message_id: Id
    before_rev: Seq | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class MessageDeleted(Reply):
    message_id: UUID
    seq: Seq
    rev: Seq


class DeleteMessage(Change[MessageDeleted]):
    """Deletes one's own message for everybody. What is deleted already stays as it is."""

    op = "message.delete"
    scope = "messages.write"

    conversation_id: Id
    message_id: Id


class MessagePage(Reply):
    """In the order of `seq`."""

    messages: list[Message]
    last_seq: Seq
    """The newest seq of the whole conversation, so that a reader knows what is left."""
    last_rev: Seq
    """Its newest rev: every message above is at least as new as it."""
    more_before: bool = False
    """Whether the user may see something before the first of these; of an empty page, before the
    place that was asked for."""
    more_after: bool = False


class ReadHistory(Request[MessagePage]):
    """The messages right after `after_seq`, or right before `before_seq`, or around one (by its
    seq or its id, the message itself among them, half before and half after it), or the newest.

    Long messages make a page shorter than `limit`: whether there is more, the page says.
    """

    op = "message.history"
    scope = "read"

    conversation_id: Id
    after_seq: Seq | None = None
    before_seq: Seq | None = None
    around_seq: Seq | None = None
    around_message_id: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = (self.after_seq, self.before_seq, self.around_seq, self.around_message_id)
        if sum(place is not None for place in places) > 1:
            raise ValueError(
                "give one of after_seq, before_seq, around_seq and around_message_id, not both"
            )
        return self


class MessageCreated(Event):
    type = "message.created"

    message: Message


class MessageChanged(Event):
    """A message was edited or deleted, reacted to or pinned; this is the whole of it now."""

    type = "message.changed"

    message: Message
