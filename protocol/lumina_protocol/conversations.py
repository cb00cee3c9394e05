"""Conversations: open one with somebody, list one's own."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, Strict

from lumina_protocol.fields import Id, Millis, NewId, Seq, Username
from lumina_protocol.frame import Event, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Message
from lumina_protocol.preferences import Preferences
from lumina_protocol.receipts import Unread


class Member(Wire):
    user_id: UUID
    username: str
    role: str = "member"
    """"owner", "admin" or "member"."""
    delivered_seq: Seq = 0
    """How far they have got the messages, as far as that is told to others."""
    read_seq: Seq = 0


class Conversation(Wire):
    conversation_id: UUID
    conversation_type: Literal["direct", "group"]
    title: str | None = None
    description: str | None = None
    picture_media_id: UUID | None = None
    slow_mode_s: int = 0
    """Seconds between two messages of a member of a group; 0: as they like. Owners and admins are
    free of it."""
    who_may_send: str = "everyone"
    """"everyone", or "admins": its owners and admins."""
    members: list[Member]
    """The first 20 who came."""
    member_count: int
    last_seq: Seq
    """The number of its newest message; 0 while there is none."""
    last_rev: Seq
    """The number of its newest change of any kind."""
    last_message: Message | None = None
    read_seq: Seq = 0
    """How far the user has read."""
    unread: Unread = 0
    """Messages of others after it; 999 means that there may be more."""
    preferences: Preferences = Preferences()
    """What the user has set for it."""
    created_at: Millis
    updated_at: Millis


class ConversationReply(Reply):
    conversation: Conversation
    created: bool
    """False when the two had this conversation already."""


class CreateConversation(Request[ConversationReply]):
    """Opens the direct conversation with `username`, or finds it: a pair has only one."""

    op = "conversation.create"
    scope = "messages.write"

    conversation_id: NewId
    username: Username


class ConversationPage(Reply):
    """Newest activity first."""

    conversations: list[Conversation]
    more: bool


class ListConversations(Request[ConversationPage]):
    """The page behind `before` (the `updated_at` and id of the last one had), or the first."""

    op = "conversation.list"
    scope = "read"

    before: Annotated[tuple[Millis, Id], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=40)] = 20
    archived: bool | None = None
    """Only those in the archive, or only the others; null: both."""
    pinned: bool = False
    """Those that are pinned, all of them, newest pin first; the other fields do not matter."""


class ChangedMessage(Wire):
    """A message that is not what it was; the whole of it, `message.history` tells."""

    seq: Seq
    rev: Seq
    is_deleted: bool


class SyncPage(Reply):
    """What became of a conversation: covers the revs after `from_rev` up to `to_rev`."""

    messages: list[Message]
    """Those whose newest `rev` is in the range, in the order of `rev`. The other revs of it were
    superseded by later ones."""
    from_rev: Seq
    to_rev: Seq
    last_rev: Seq
    """The newest rev of the whole conversation, so that a reader knows what is left."""


class SyncConversation(Request[SyncPage]):
    """All that is new or changed since `after_rev`. Long messages make a page shorter."""

    op = "conversation.sync"
    scope = "read"

    conversation_id: Id
    after_rev: Seq
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class TypingTold(Reply):
    """Nothing to say."""


class TellTyping(Request[TypingTold]):
    """The user is writing in this conversation: said every few seconds while it is so, and once,
    with `typing` false, when they have stopped without sending."""

    op = "conversation.typing"
    over_http = False
    scope = "messages.write"
    limited_as = "typing"

    conversation_id: Id
    typing: bool = True


class MemberTyping(Event):
    """Not kept: it may be lost."""

    type = "member.typing"

    conversation_id: UUID
    user_id: UUID
    typing: bool = True
    """False: not any more."""
    expires_ms: int = 6000
    """So long it is to be shown, if nothing more is told."""


class ConversationSynced(SyncPage, Event):
    """A page of what was missed, as `conversation.sync` gives it. It may begin before what the
    client has had: a message is taken when its `rev` is above that of the one that is there.

    `limited`: too much was missed to tell it all. Then `messages` are the newest ones in the order
    of `seq`, and `changed` says what became of those that were there before; what is between, read
    when it is looked at.
    """

    type = "conversation.synced"

    conversation_id: UUID
    limited: bool = False
    changed: list[ChangedMessage] = []


class ConversationVoid(Event):
    """This rev is nothing that the user may see."""

    type = "conversation.void"

    conversation_id: UUID
    rev: Seq


class ConversationReset(Event):
    """What is kept of this conversation cannot be brought up to date: drop it, read it anew."""

    type = "conversation.reset"

    conversation_id: UUID
    last_rev: Seq


class ConversationGone(Event):
    """The user is not, or not any more, a member of this conversation."""

    type = "conversation.gone"

    conversation_id: UUID


class ConversationCreated(PersonalEvent):
    type = "conversation.created"

    conversation: Conversation


class ConversationJoined(PersonalEvent):
    """The user is in a conversation that was there: by somebody, or by a link."""

    type = "conversation.joined"

    conversation: Conversation


class ConversationLeft(PersonalEvent):
    """The user is no longer a member, by their own will or somebody else's."""

    type = "conversation.left"

    conversation_id: UUID
    rev: Seq
    """Of the note that tells of it: what was before, the user may have had."""
