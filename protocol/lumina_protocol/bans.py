"""Bans: who is kept out of a group."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, Strict

from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Change, Reply, Request, Wire


class Ban(Wire):
    user_id: UUID
    username: str
    banned_by: UUID | None = None
    banned_at: Millis


class BanChanged(Reply):
    changed: bool
    """False when it was so already."""
    seq: Seq | None = None
    """Of the note that tells of it, when a member was sent away."""
    rev: Seq | None = None


class BanMember(Change[BanChanged]):
    """Sends somebody away from a group, as its owner or an admin, and keeps them out: nobody brings
    them in, and they join by no link. Links that they have made are revoked."""

    op = "member.ban"
    scope = "messages.write"

    conversation_id: Id
    user_id: Id


class UnbanMember(Change[BanChanged]):
    """Lets somebody come again. They are not brought back."""

    op = "member.unban"
    scope = "messages.write"

    conversation_id: Id
    user_id: Id


class BanPage(Reply):
    """Newest first."""

    bans: list[Ban]
    more: bool


class ListBans(Request[BanPage]):
    """Who is kept out of a group, for its owners and admins: the page behind `before` (`banned_at`
    and `user_id` of the last one had), or the first."""

    op = "member.bans"
    scope = "read"

    conversation_id: Id
    before: Annotated[tuple[Millis, Id], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
