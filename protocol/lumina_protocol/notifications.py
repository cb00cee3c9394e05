"""Notifications: what a user is told of in the app, as groups, the same on all their devices."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, Strict, StringConstraints

from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

Type = Literal["reaction", "comment", "follow", "mention", "message", "milestone", "system"]
Level = Literal["on", "silent", "off"]
GroupKey = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$")
]


class Actor(Wire):
    user_id: UUID
    username: str


class NotificationGroup(Wire):
    """What is shown as one: "alice and 11 others reacted to your message"."""

    group_key: str
    """Its name, for this user."""
    type: str
    """A newer server may have others than an app knows: it shows `title` and `text` then."""
    title: str
    """A sentence in English, the actors included."""
    text: str = ""
    """What was said, or nothing."""
    actors: list[Actor]
    """The newest three at most, newest first; none of what the server itself says."""
    actor_count: Seq | None = None
    """How many different ones there are. None where the user wants no numbers (`hide_metrics`),
    but of messages."""
    count: Seq | None = None
    """Of causes: messages of a conversation (100: or more), comments of a post. Likewise."""
    is_read: bool
    silent: bool
    """Without sound, banner or vibration."""
    created_at: Millis
    updated_at: Millis
    """When its newest cause came."""
    post_id: UUID | None = None
    """What the newest cause is about, here and below."""
    comment_id: UUID | None = None
    story_id: UUID | None = None
    conversation_id: UUID | None = None
    message_id: UUID | None = None


class NotificationPage(Reply):
    groups: list[NotificationGroup]
    more: bool
    unread: Seq
    """How many groups are not read, all pages together."""


class ListNotifications(Request[NotificationPage]):
    """The groups of the user, newest first: the page after `before` (the `updated_at` and
    `group_key` of the last one had), or the first."""

    op = "notification.list"
    scope = "read"

    before: Annotated[tuple[Millis, GroupKey], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class Notification(Wire):
    notification_id: UUID
    user_id: UUID | None = None
    username: str | None = None
    """Who has caused it; nobody of what the server itself says."""
    comment_id: UUID | None = None
    created_at: Millis


class GroupedPage(Reply):
    notifications: list[Notification]
    more: bool


class ListGrouped(Request[GroupedPage]):
    """What is behind a group, newest first: the page after `before` (the `notification_id` of the
    last one had), or the first. Nothing of messages, which their conversation has."""

    op = "notification.of_group"
    scope = "read"

    group_key: GroupKey
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class UnreadNotifications(Reply):
    unread: Seq


class CountNotifications(Request[UnreadNotifications]):
    """How many groups are not read."""

    op = "notification.unread"
    scope = "read"


class NotificationsKept(Reply):
    unread: Seq
    """How many groups are not read now."""
    changed: Seq
    """How many were changed by this."""


class ReadNotifications(Change[NotificationsKept]):
    """These groups are read, or all that have come up to a time, which they will stay until
    something new comes."""

    op = "notification.read"
    scope = "messages.write"

    group_keys: Annotated[list[GroupKey], Field(max_length=100)] = []
    upto: Millis | None = None
    """The `updated_at` of the newest one that was shown."""


class DeleteNotifications(Change[NotificationsKept]):
    """These groups are gone. What comes later begins them anew."""

    op = "notification.delete"
    scope = "messages.write"

    group_keys: Annotated[list[GroupKey], Field(min_length=1, max_length=100)]


class NotificationLevels(Reply):
    levels: dict[str, str]
    """Of each type: "on", "silent" (kept and counted, without a sound) or "off" (not made)."""


class GetNotificationLevels(Request[NotificationLevels]):
    op = "notification.preferences"


class LevelKept(Reply):
    changed: bool
    """False when it was so already, and nobody is told."""


class SetNotificationLevel(Change[LevelKept]):
    """How much the user wants of one type, from now on: what is there already stays."""

    op = "notification.set_preference"

    type: Type
    level: Level


class NotificationChanged(PersonalEvent):
    """A group is there, or is another one; also when it was read."""

    type = "notification.changed"

    group: NotificationGroup
    """The whole of it, as it is now."""
    unread: Seq
    """How many groups are not read now."""


class NotificationRemoved(PersonalEvent):
    """Deleted by the user, or withdrawn: its causes are gone, or were read elsewhere."""

    type = "notification.removed"

    group_keys: list[str]
    unread: Seq


class NotificationsRead(PersonalEvent):
    """Groups were read: these, and all with an `updated_at` up to `upto`."""

    type = "notification.read_to"

    group_keys: list[str] = []
    upto: Millis | None = None
    unread: Seq


class NotificationLevelsChanged(PersonalEvent):
    type = "notification.levels"

    levels: dict[str, str]
    """All of them, as they are now."""
