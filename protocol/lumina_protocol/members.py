"""Members: open a group, bring people in, leave, send somebody away."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.conversations import ConversationReply
from lumina_protocol.fields import Id, NewId, Seq, Username, without_nul
from lumina_protocol.frame import Change, Reply, Request

Title = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)]
Usernames = Annotated[list[Username], Field(min_length=1, max_length=100)]


class CreateGroup(Request[ConversationReply]):
    """Opens a group that the user owns."""

    op = "conversation.create_group"
    scope = "messages.write"

    conversation_id: NewId
    title: Title
    usernames: Usernames


class MembersChanged(Reply):
    """The note that tells of it, see `message_type` "system". No rev: nothing had to change."""

    user_ids: list[UUID]
    """Those who came or went."""
    seq: Seq | None = None
    rev: Seq | None = None


class AddMembers(Change[MembersChanged]):
    """Brings people into a group, as its owner or an admin. Who is in it already stays so."""

    op = "member.add"
    scope = "messages.write"

    conversation_id: Id
    usernames: Usernames


class RemoveMember(Change[MembersChanged]):
    """Sends somebody away from a group, as its owner or an admin; or leaves it oneself."""

    op = "member.remove"
    scope = "messages.write"

    conversation_id: Id
    user_id: Id
