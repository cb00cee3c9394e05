"""Receipts: how far a member has got and read a conversation, and what is unread."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.fields import Id, Seq
from lumina_protocol.frame import Event, PersonalEvent, Reply, Request, Wire

MOST_UNREAD = 999
"""What is counted in one conversation; it means that there may be more."""
Unread = Annotated[int, Field(ge=0, le=MOST_UNREAD)]


class ReadKept(Reply):
    """Where the user is now, which may be further than was asked for."""

    read_seq: Seq
    unread: Unread
    last_seq: Seq
    """The newest message that was looked at to count them."""


class ReadConversation(Request[ReadKept]):
    """The user has read all up to `seq`. Positions only grow; what was marked unread is not any
    more, also when the position is an old one."""

    op = "conversation.read"
    scope = "messages.write"

    conversation_id: Id
    seq: Seq


class DeliveryKept(Reply):
    delivered_seq: Seq


class ConfirmDelivery(Request[DeliveryKept]):
    """A device of the user has all up to `seq`; what is read is delivered."""

    op = "conversation.delivered"
    scope = "read"

    conversation_id: Id
    seq: Seq


class UnreadConversation(Wire):
    conversation_id: UUID
    unread: Unread
    marked_unread: bool
    silent: bool
    """Muted or in the archive: not part of the total."""


class UnreadCounts(Reply):
    total: int
    """For a badge: of those that are not silent. What is only marked counts as one."""
    conversations: list[UnreadConversation]
    more: bool
    """Whether there may be others: more than 200 have something, or some were not looked at."""


class CountUnread(Request[UnreadCounts]):
    """What is unread, in up to 200 of the 1,000 conversations with the newest activity; of further
    ones, in which less was said lately, nothing is counted, and `more` is true."""

    op = "conversation.unread"
    scope = "read"


class ReadTo(PersonalEvent):
    """The user has read on, on this device or another. Nothing is marked unread any more."""

    type = "conversation.read_to"

    conversation_id: UUID
    read_seq: Seq
    unread: Unread
    last_seq: Seq
    """The newest message that was looked at to count them."""


class Receipt(Wire):
    user_id: UUID
    delivered_seq: Seq
    read_seq: Seq


class ReceiptsTold(Event):
    """Members have got or read more. Not kept: it may be lost; `conversation.list` has them."""

    type = "conversation.receipts"

    conversation_id: UUID
    receipts: list[Receipt]
