"""The life of an account after it was made: another password, another name, a pause, the end."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints

from lumina_protocol.accounts import Code
from lumina_protocol.fields import Millis, Password, Username, username_key, without_nul
from lumina_protocol.frame import PersonalEvent, Reply, Request

Reason = Annotated[str, StringConstraints(max_length=500), AfterValidator(without_nul)]


class PasswordChanged(Reply):
    ended: int
    """How many other logins have ended. Their connections are closed within a second."""


class ChangePassword(Request[PasswordChanged]):
    """And end all other logins. Asked again because the answer was lost, it answers again: the new
    password is the right one by then."""

    op = "account.change_password"
    limited_as = "login"

    password: Password
    new_password: Password


class UsernameChanged(Reply):
    username: str


class ChangeUsername(Request[UsernameChanged]):
    """Once in 7 days. The old name is nobody else's for 14 days, and can be taken back."""

    op = "account.change_username"
    limited_as = "login"

    username: Username
    password: Password | None = None


class AccountChanged(PersonalEvent):
    """To the own devices."""

    type = "account.changed"

    user_id: UUID
    username: str


class UserRenamed(PersonalEvent):
    """To those who share a conversation: 5,000 people at most, of the newest conversations."""

    type = "user.renamed"

    user_id: UUID
    username: str


class Deactivated(Reply):
    pass


class Deactivate(Request[Deactivated]):
    """Hide the account, and end all its logins and tokens; a login brings it back."""

    op = "account.deactivate"
    limited_as = "login"

    password: Password


class Deletion(Reply):
    until: Millis
    """Until then `account.restore` brings it back; then it is erased for good."""


class DeleteAccount(Request[Deletion]):
    op = "account.delete"
    limited_as = "login"

    password: Password
    reason: Reason | None = None


class Restored(Reply):
    user_id: UUID
    username: str


class RestoreAccount(Request[Restored]):
    """Takes `account.delete` back; then log in."""

    op = "account.restore"
    public = True
    limited_as = "login"

    username: Username
    password: Password
    code: Code | None = None
    """Of the second factor, when `code_needed` asks for it."""

    def account_tried(self) -> str:
        return username_key(self.username)
