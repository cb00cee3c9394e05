"""Messages: send, edit and delete them, read what was said, be told of what is new."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, Self, TypeVar
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

from lumina_protocol.fields import Content, Id, Millis, NewId, Seq, without_nul
from lumina_protocol.frame import Change, Event, Reply, Request, Wire


class Person(Wire):
    user_id: UUID
    username: str


class GroupLook(Wire):
    """How a group shows itself; what it has not is left out."""

    title: str | None = None
    description: str | None = None
    picture_media_id: UUID | None = None
    slow_mode_s: int = 0
    who_may_send: str = "everyone"


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


MEDIA_KINDS = {
    "image": ["image", "gif", "sticker"],
    "video": ["video", "image", "gif"],
    "audio": ["audio"],
    "voice_note": ["voice_note"],
}
"""Of the types of messages that have attachments, what may be attached."""
EXCERPT = 200
"""Characters of an answered message that its answers show."""
T = TypeVar("T")
R = TypeVar("R", bound=Reply)


class Attachment(Wire):
    media_id: UUID
    kind: str
    """"image", "gif", "sticker", "video", "audio", "voice_note", or what a newer server has."""
    content_type: str
    bytes: int
    width: int | None = None
    """In pixels."""
    height: int | None = None
    duration_ms: int | None = None
    blurhash: str | None = None
    waveform: str | None = None
    """Of a voice note, base64 of at most 1,024 bytes: one for each peak, from 0 to 255."""


class Quote(Wire):
    """What a message answers, as it was when the message was read: when that is edited or deleted,
    its own `message.changed` says so, and its answers are not sent again."""

    message_id: UUID
    seq: Seq
    sender_id: UUID
    message_type: str
    excerpt: str
    """Its first 200 characters; empty once it is deleted."""
    is_deleted: bool = False


class StoryReference(Wire):
    """The story that a message answers, as it was when the message was read."""

    story_id: UUID | None = None
    user_id: UUID | None = None
    """Its author."""
    media_id: UUID | None = None
    media_type: str | None = None
    """"image" or "video"."""
    expires_at: Millis | None = None
    """From then on it is gone, for which nothing comes."""
    is_gone: bool = False
    """It has expired, was deleted, or is not for the sender any more; then nothing else is told."""


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
    """"text", "image", "video", "audio", "voice_note", "post_share", "story_reply", or "system" for
    a note of the server; a newer server may have others, shown by an older app by their content."""
    content: str
    """Empty once it is deleted or has expired, and where there is nothing but attachments."""
    note: Note | None = None
    created_at: Millis
    edited_at: Millis | None = None
    is_deleted: bool = False
    attachments: list[Attachment] | None = None
    """In the order of the sender; without those that were deleted since."""
    post_id: UUID | None = None
    """Of "post_share"."""
    reply_to: Quote | None = None
    mentions: list[UUID] | None = None
    """The members whom it names."""
    forwarded: bool | None = None
    """True when somebody else may have said it; else left out."""
    expires_at: Millis | None = None
    """From then on it is as one that is deleted, also before that is told."""
    expires_after_s: int | None = None
    """How many seconds after its first reading by somebody else it expires."""
    reactions: list[Reacted] | None = None
    """What came first is first; None while there are none."""
    pinned_at: Millis | None = None
    """None when it is not pinned."""
    story: StoryReference | None = None
    """Of "story_reply"."""


class MessageSent(Reply):
    """The message is on disk. The same answer comes for every retry with this id."""

    message_id: UUID
    seq: Seq
    rev: Seq
    created_at: Millis


class Origin(Wire):
    """A message that its reader passes on."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    conversation_id: Id
    message_id: Id


Sendable = Literal["text", "image", "video", "audio", "voice_note", "post_share"]


def each_once(ids: list[T]) -> list[T]:
    if len(set(ids)) < len(ids):
        raise ValueError("must name each only once")
    return ids


class ToSend(Request[R], Generic[R]):
    """A message, as it is asked for."""

    scope = "messages.write"
    limited_as = "message"

    conversation_id: Id
    message_id: NewId
    message_type: Sendable | None = None
    """"text" unless said."""
    media_ids: Annotated[list[Id], Field(max_length=20), AfterValidator(each_once)] | None = Field(
        default=None, validate_default=True
    )
    """One's own media objects, ready, of kinds that fit the type."""
    post_id: Id | None = Field(default=None, validate_default=True)
    """Of "post_share": a post that the sender may see."""
    reply_to: Id | None = None
    """The `message_id` of what it answers, in the same conversation."""
    mentions: Annotated[list[Id], Field(max_length=50), AfterValidator(each_once)] | None = None
    """Users whom it names. Who is no member is left out."""
    forwarded_from: Origin | None = None
    """The server copies what it says, with its attachments: nothing else of that is given."""
    expires_at: Millis | None = None
    """Within a year."""
    expires_after_s: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """From the first reading by somebody else, instead of `expires_at`."""
    content: Annotated[str, StringConstraints(max_length=4000), AfterValidator(without_nul)] = (
        Field(default="", validate_default=True)
    )
    """May be empty where there is something else."""

    @field_validator("media_ids")
    @classmethod
    def _fit(cls, media_ids: list[UUID] | None, info: ValidationInfo) -> list[UUID] | None:
        kind = info.data.get("message_type") or "text"
        if bool(media_ids) != (kind in MEDIA_KINDS):
            raise ValueError(f"{'needed for' if not media_ids else 'not for'} a message of {kind}")
        if kind == "voice_note" and len(media_ids or ()) != 1:
            raise ValueError("a voice note is one")
        return media_ids

    @field_validator("post_id")
    @classmethod
    def _shared(cls, post_id: UUID | None, info: ValidationInfo) -> UUID | None:
        if (post_id is not None) != (info.data.get("message_type") == "post_share"):
            raise ValueError("is for a post_share, and needed there")
        return post_id

    @field_validator("forwarded_from")
    @classmethod
    def _copied(cls, origin: Origin | None, info: ValidationInfo) -> Origin | None:
        if origin and (info.data.get("message_type") or info.data.get("reply_to")):
            raise ValueError("what is forwarded has its own type, and answers nothing")
        return origin

    @field_validator("expires_after_s")
    @classmethod
    def _one_end(cls, seconds: int | None, info: ValidationInfo) -> int | None:
        if seconds is not None and info.data.get("expires_at") is not None:
            raise ValueError("give expires_at or expires_after_s, not both")
        return seconds

    @field_validator("content")
    @classmethod
    def _something(cls, content: str, info: ValidationInfo) -> str:
        forwarded = info.data.get("forwarded_from") is not None
        if forwarded and content:
            raise ValueError("is that of the message that is forwarded")
        if not content and not forwarded and (info.data.get("message_type") or "text") == "text":
            raise ValueError("must not be empty")
        return content


class SendMessage(ToSend[MessageSent]):
    op = "message.send"


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
