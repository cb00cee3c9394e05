"""Accounts: register, log in and out, and stay logged in."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from lumina_protocol.fields import (
    FullName,
    Millis,
    NewId,
    Password,
    Username,
    username_key,
    without_nul,
)
from lumina_protocol.frame import Change, Reply, Request, Wire

Code = Annotated[str, StringConstraints(min_length=6, max_length=40), AfterValidator(without_nul)]
"""Six digits from an app, or a recovery code. Spaces and dashes do not count."""
DeviceName = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)
]
Platform = Literal["ios", "android", "web", "desktop", "bot", "other"]
AppVersion = Annotated[str, StringConstraints(max_length=50), AfterValidator(without_nul)]
RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Device(Wire):
    """What a user logs in with. A device has one login: a new one ends the one before."""

    device_id: NewId
    """Of this account on this device: another account makes another one."""
    name: DeviceName
    platform: Platform = "other"
    app_version: AppVersion | None = None


class Tokens(Reply):
    """What `auth` takes, and until when, and what gets a new one."""

    user_id: UUID
    username: str
    session_id: UUID
    """The login, as `session.list` has it."""
    token: str
    expires_at: Millis
    refresh_token: str
    """For one use of `account.refresh`. Keep it as you would keep a password."""


class Register(Request[Tokens]):
    op = "account.register"
    public = True
    limited_as = "register"
    retry_safe = False  # the second try would find the name taken, by the first

    username: Username
    password: Password
    full_name: FullName | None = None
    device: Device | None = None


class Login(Request[Tokens]):
    op = "account.login"
    public = True
    limited_as = "login"

    username: Username
    password: Password
    code: Code | None = None
    """Of the second factor, when `code_needed` asks for it."""
    device: Device | None = None

    def account_tried(self) -> str:
        return username_key(self.username)


class Refresh(Change[Tokens]):
    """New tokens for a refresh token. Asked again with the same `op_id`, because the answer was
    lost, it answers with the same refresh token; used twice in any other way, the login ends, since
    somebody has a copy. So keep the `op_id` beside the token until the answer is there.

    On a connection of the same login it also moves the time at which the connection ends.
    """

    op = "account.refresh"
    public = True
    limited_as = "refresh"

    refresh_token: RefreshToken


class LoggedOut(Reply):
    pass


class Logout(Request[LoggedOut]):
    """End this login, on all its connections, this one too."""

    op = "account.logout"
