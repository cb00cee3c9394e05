"""Mutes: whose posts or stories a user does not want to see for now. Nobody else is told."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from lumina_protocol.fields import Id, Millis
from lumina_protocol.follows import Before, PageSize
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

Scope = Literal["posts", "stories", "all"]


class Mute(Wire):
    user_id: UUID
    username: str
    mute_scope: str
    """"posts", "stories" or "all"."""
    until: Millis | None = None
    """Left out: until it is taken back."""
    since: Millis


class MuteChanged(Reply):
    changed: bool
    """False when it was so already."""


class MuteUser(Change[MuteChanged]):
    """In the place of what was muted of the user before."""

    op = "user.mute"

    user_id: Id
    mute_scope: Scope = "all"
    until: Millis | None = None


class UnmuteUser(Change[MuteChanged]):
    op = "user.unmute"

    user_id: Id


class MutePage(Reply):
    """Newest first, without those that are over."""

    mutes: list[Mute]
    more: bool


class ListMutes(Request[MutePage]):
    op = "user.mutes"

    before: Before | None = None
    limit: PageSize = 50


class UserMuted(PersonalEvent):
    """To who has muted, or has taken it back."""

    type = "user.muted"

    user_id: UUID
    mute: Mute | None = None
    """Left out when it was taken back."""
