"""Blocks: two users hear nothing of each other, except in groups."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, Strict

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire


class BlockedUser(Wire):
    user_id: UUID
    username: str
    blocked_at: Millis


class BlockChanged(Reply):
    changed: bool
    """False when it was so already."""


class BlockUser(Change[BlockChanged]):
    """Ends that the two follow each other, or want to, and their direct conversation. Whoever is
    blocked is not told."""

    op = "user.block"

    user_id: Id


class UnblockUser(Change[BlockChanged]):
    """Brings nothing back but the ability: who followed whom stays ended."""

    op = "user.unblock"

    user_id: Id


class BlockPage(Reply):
    """Newest first."""

    users: list[BlockedUser]
    more: bool


class ListBlocks(Request[BlockPage]):
    """Whom one has blocked: the page behind `before` (`blocked_at` and `user_id` of the last one
    had), or the first."""

    op = "user.blocks"

    before: Annotated[tuple[Millis, Id], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class UserBlocked(PersonalEvent):
    """To the other devices of who has blocked."""

    type = "user.blocked"

    user: BlockedUser


class UserUnblocked(PersonalEvent):
    type = "user.unblocked"

    user_id: UUID
