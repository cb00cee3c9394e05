"""Links by which people join a group by themselves."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from lumina_protocol.fields import Id, Millis, NewId, Seq
from lumina_protocol.frame import Change, Reply, Request, Wire

Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Invite(Wire):
    invite_id: UUID
    created_by: UUID
    uses: int
    """How many have joined by it."""
    max_uses: int | None = None
    expires_at: Millis | None = None
    created_at: Millis


class InviteCreated(Reply):
    code: str
    """Shown this once; put it at the end of a link of your app."""
    invite: Invite


class CreateInvite(Request[InviteCreated]):
    """Makes a link to a group, as its owner or an admin."""

    op = "invite.create"
    scope = "messages.write"
    retry_safe = False  # what is shown once cannot be shown again: revoke it, and make another one

    invite_id: NewId
    conversation_id: Id
    max_uses: Annotated[int, Field(ge=1, le=100_000)] | None = None
    expires_at: Millis | None = None


class InviteList(Reply):
    """Newest first."""

    invites: list[Invite]


class ListInvites(Request[InviteList]):
    """The links to a group that somebody can still join by, for its owners and admins."""

    op = "invite.list"
    scope = "read"

    conversation_id: Id


class InviteRevoked(Reply):
    pass


class RevokeInvite(Request[InviteRevoked]):
    """Nobody joins by it any more. Who has joined stays."""

    op = "invite.revoke"
    scope = "messages.write"

    conversation_id: Id
    invite_id: Id


class InviteSeen(Reply):
    """The group that a link leads to."""

    conversation_id: UUID
    title: str
    description: str | None = None
    picture_media_id: UUID | None = None
    member_count: int
    is_member: bool
    """The user is in it already."""


class LookAtInvite(Request[InviteSeen]):
    """What one would join."""

    op = "invite.look"
    scope = "read"
    limited_as = "invite"

    code: Code


class GroupJoined(Reply):
    """The same answer for who is in it already."""

    conversation_id: UUID
    seq: Seq | None = None
    """Of the note that tells of it: from there on one sees the group."""
    rev: Seq | None = None


class JoinConversation(Change[GroupJoined]):
    """Joins the group of a link."""

    op = "conversation.join"
    scope = "messages.write"
    limited_as = "invite"

    code: Code
