"""Preferences: what a member sets for a conversation, for themselves only, on all their devices."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Change, PersonalEvent, Reply, Wire

MAX_PINNED = 20


class Preferences(Wire):
    muted_until: Millis | Literal["forever"] | None = None
    """It may be over."""
    archived_seq: Seq | None = None
    """In the archive while it has no newer message than this, or is muted."""
    pinned_at: Millis | None = None
    marked_unread: bool = False


class PreferencesKept(Reply):
    changed: bool
    """False when all was so already. What they are now, `conversation.preferences` tells."""


class SetPreferences(Change[PreferencesKept]):
    """Sets what is given, and leaves the others."""

    op = "conversation.set"
    scope = "messages.write"

    conversation_id: Id
    muted_until: Millis | Literal["forever"] | None = None
    """0: not any more."""
    archived: bool | None = None
    pinned: bool | None = None


class MarkUnread(Change[PreferencesKept]):
    """Shows a conversation as unread until it is read again. Positions stay where they are."""

    op = "conversation.mark_unread"
    scope = "messages.write"

    conversation_id: Id


class PreferencesChanged(PersonalEvent):
    type = "conversation.preferences"

    conversation_id: UUID
    preferences: Preferences
    """All of them, as they are now."""
