"""Presence: who is online, and when they were last."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, Event, Reply, Request, Wire

MAX_WATCHED = 200


class UserPresence(Wire):
    user_id: UUID
    state: str
    """"online", "offline" or "unknown"."""
    last_seen_at: Millis | None = None
    """Of who is offline; None when it is not known, or not for the user."""


class PresenceWatched(Reply):
    users: list[UserPresence]
    """One for each that was asked for, as it is now."""


class WatchPresence(Request[PresenceWatched]):
    """From now on this connection is told when one of these comes or goes, and of nobody else. Who
    may not know, or asks for a user that there is not, is told "offline"."""

    op = "presence.watch"
    over_http = False
    scope = "read"
    limited_as = "presence"

    user_ids: Annotated[list[Id], Field(max_length=MAX_WATCHED)]


class PresenceSet(Reply):
    changed: bool
    """False when it was so already."""


class SetPresence(Change[PresenceSet]):
    """Kept until it is changed again, for all devices."""

    op = "presence.set"

    invisible: bool


class PresenceCount(Reply):
    online: int | None = None
    """None: unknown."""


class CountPresence(Request[PresenceCount]):
    """How many members of a conversation are online, of those whom the user may know it of."""

    op = "presence.count"
    scope = "read"
    limited_as = "presence"

    conversation_id: Id


class PresenceChanged(UserPresence, Event):
    """Not kept: it may be lost."""

    type = "presence.changed"
