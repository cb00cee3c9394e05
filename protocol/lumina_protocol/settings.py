"""Settings: what a user wants to show, hear and see, the same on all their devices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

Visibility = Literal["public", "friends", "private"]
MessagesFrom = Literal["everyone", "following", "no_one"]
Frequency = Literal["instant", "hourly", "daily"]
DarkMode = Literal["auto", "light", "dark"]
Minutes = Annotated[int, Field(ge=0, le=1440)]


class UserSettings(Wire):
    """Words are text here: a newer server may have others."""

    is_private: bool
    """Only followers see what the account shows."""
    profile_visibility: str
    """Who sees more of the profile than the name: "public", "friends" or "private"."""
    show_activity_status: bool
    allow_messages_from: str
    """"everyone", "following" (whom the user follows) or "no_one"."""
    email_notifications: bool
    push_notifications: bool
    notification_frequency: str
    """"instant", "hourly" or "daily"."""
    autoplay_videos: bool
    data_saver_mode: bool
    dark_mode: str
    """"auto", "light" or "dark"."""
    calm_mode: bool
    time_limit_minutes: int
    """Of a day; 0: no limit."""
    hide_metrics: bool
    """No numbers of how things are received: neither are others told those of the user's own, nor
    is the user told any."""
    show_metrics: bool = True
    """False: others are not told those of the user's own, and the user is."""
    invisible: bool = False
    """Nobody sees whether the user is online; `presence.set` changes it."""


class SettingsReply(Reply):
    settings: UserSettings


class GetSettings(Request[SettingsReply]):
    op = "settings.get"


class SettingsKept(Reply):
    changed: bool
    """False when all was so already. What the settings are now, `settings.changed` tells."""


class ChangeSettings(Change[SettingsKept]):
    """Changes the fields that are given, and leaves the others."""

    op = "settings.change"

    is_private: bool | None = None
    profile_visibility: Visibility | None = None
    show_activity_status: bool | None = None
    allow_messages_from: MessagesFrom | None = None
    email_notifications: bool | None = None
    push_notifications: bool | None = None
    notification_frequency: Frequency | None = None
    autoplay_videos: bool | None = None
    data_saver_mode: bool | None = None
    dark_mode: DarkMode | None = None
    calm_mode: bool | None = None
    time_limit_minutes: Minutes | None = None
    hide_metrics: bool | None = None
    show_metrics: bool | None = None


class SettingsChanged(PersonalEvent):
    type = "settings.changed"

    settings: UserSettings
    """All of them, as they are now."""
