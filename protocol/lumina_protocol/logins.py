"""What a user is logged in with, and the end of it."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.accounts import DeviceName, Platform
from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Reply, Request, Wire


class LoginSession(Wire):
    """A login, from a password to its end."""

    session_id: UUID
    device_id: UUID | None = None
    name: str | None = None
    """Of the device."""
    platform: Platform | None = None
    address: str | None = None
    """From where it was last used to get a token."""
    created_at: Millis
    last_seen_at: Millis
    expires_at: Millis
    """Unless it is used before."""
    current: bool = False
    """Whether it is that of this connection."""


class Sessions(Reply):
    sessions: list[LoginSession]
    """The one used last comes first."""


class ListSessions(Request[Sessions]):
    op = "session.list"


class Ended(Reply):
    ended: int
    """How many logins have ended. Their connections are closed within a second, on every node."""


class EndSession(Request[Ended]):
    op = "session.end"

    session_id: Id


class EndOtherSessions(Request[Ended]):
    """Log out everywhere but here; with `this`, here too."""

    op = "session.end_others"

    this: bool = False


class KnownDevice(Wire):
    device_id: UUID
    name: str
    platform: Platform
    app_version: str | None = None
    created_at: Millis
    last_seen_at: Millis


class Devices(Reply):
    devices: list[KnownDevice]


class ListDevices(Request[Devices]):
    op = "device.list"


class DeviceChanged(Reply):
    pass


class RenameDevice(Request[DeviceChanged]):
    op = "device.rename"

    device_id: Id
    name: DeviceName


class RemoveDevice(Request[DeviceChanged]):
    """And log it out."""

    op = "device.remove"

    device_id: Id
