"""The second factor: a code from an app of the user's (RFC 6238), or a recovery code."""

from __future__ import annotations

from lumina_protocol.accounts import Code
from lumina_protocol.fields import Password
from lumina_protocol.frame import Reply, Request


class TotpState(Reply):
    enabled: bool
    recovery_codes: int
    """How many have not been used."""


class GetTotp(Request[TotpState]):
    op = "totp.get"


class TotpBegun(Reply):
    secret: str
    """Base32, to be typed into an app."""
    uri: str
    """The same for a QR code: otpauth://totp/..."""


class BeginTotp(Request[TotpBegun]):
    """Nothing is asked at a login until `totp.confirm` has shown that the app has the secret.
    Asked again before that, it makes another secret."""

    op = "totp.begin"
    limited_as = "login"

    password: Password


class RecoveryCodes(Reply):
    recovery_codes: list[str]
    """Shown this once; each takes the place of a code once. The ones before are worth nothing."""


class ConfirmTotp(Request[RecoveryCodes]):
    op = "totp.confirm"
    limited_as = "login"
    retry_safe = False  # the codes are shown once; `totp.renew_codes` shows others

    code: Code


class RenewRecoveryCodes(Request[RecoveryCodes]):
    op = "totp.renew_codes"
    limited_as = "login"
    retry_safe = False  # a code of the app works once

    password: Password
    code: Code


class TotpRemoved(Reply):
    pass


class RemoveTotp(Request[TotpRemoved]):
    """From then on the password is enough."""

    op = "totp.remove"
    limited_as = "login"
    retry_safe = False  # a code works once

    password: Password
    code: Code
