"""The e-mail address of an account, and the way back in for who has forgotten the password."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from lumina_protocol.fields import Email, Password, email_key
from lumina_protocol.frame import Reply, Request

MailedToken = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What stands behind the `#` of a link in a mail."""


class Mailed(Reply):
    """A mail is on its way, if there is whom to send it to: that is not told."""


class EmailChecked(Reply):
    """The token was good, and is spent."""


class PasswordReset(Reply):
    """The new password holds, and all logins of before have ended."""


class SetEmail(Request[Mailed]):
    """Asks for the password, since whoever has the address can set another one. Nothing changes
    until the address is confirmed. A newer one takes the place of an older."""

    op = "account.set_email"
    limited_as = "login"

    email: Email
    password: Password


class VerifyEmail(Request[EmailChecked]):
    op = "account.verify_email"
    public = True
    retry_safe = False  # the token works once

    token: MailedToken


class RequestReset(Request[Mailed]):
    op = "account.request_reset"
    public = True
    limited_as = "reset"

    email: Email

    def account_tried(self) -> str:
        return email_key(self.email)


class ResetPassword(Request[PasswordReset]):
    op = "account.reset_password"
    public = True
    retry_safe = False  # the token works once

    token: MailedToken
    password: Password
