"""Accounts: register and log in."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.fields import FullName, Millis, Password, Username, username_key
from lumina_protocol.frame import Reply, Request


class Token(Reply):
    """What `auth` takes, and until when."""

    user_id: UUID
    username: str
    token: str
    expires_at: Millis


class Register(Request[Token]):
    op = "account.register"
    public = True
    limited_as = "register"
    retry_safe = False  # the second try would find the name taken, by the first

    username: Username
    password: Password
    full_name: FullName | None = None


class Login(Request[Token]):
    op = "account.login"
    public = True
    limited_as = "login"

    username: Username
    password: Password

    def account_tried(self) -> str:
        return username_key(self.username)
