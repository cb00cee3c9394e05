"""Every error that can cross the socket, and every close code, with what it asks of the client."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from lumina_protocol.fields import Millis
from lumina_protocol.frame import Wire

ERRORS: dict[str, type[LuminaError]] = {}


class ErrorBody(Wire):
    """An error as it is sent.

    `temporary` is the rule for a client that does not know the code: true means that the
    same request may succeed later, after `retry_after_ms` if that is given.
    """

    code: str
    message: str
    temporary: bool = False
    field: str | None = None
    retry_after_ms: int | None = None
    until: Millis | None = None
    """When what the error speaks of ends."""
    limit: str | None = None
    """Of `rate_limited`: what was too much. None of it is left until `retry_after_ms` is over. Of
    refused uploads: what they would exceed."""


class LuminaError(Exception):
    """The base of what a request can be refused with."""

    code: ClassVar[str] = "error"
    temporary: ClassVar[bool] = False
    default: ClassVar[str] = "The request failed."

    def __init_subclass__(cls) -> None:
        ERRORS[cls.code] = cls

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        retry_after_ms: int | None = None,
        until: int | None = None,
        limit: str | None = None,
        body: ErrorBody | None = None,
    ) -> None:
        self.body = body or ErrorBody(
            code=self.code,
            message=message or self.default,
            temporary=self.temporary,
            field=field,
            retry_after_ms=retry_after_ms,
            until=until,
            limit=limit,
        )
        super().__init__(f"{self.body.code}: {self.body.message}")


class UnknownOp(LuminaError):
    code = "unknown_op"
    default = "This server has no such operation; see protocol/README.md for the list."


class Invalid(LuminaError):
    """A field is missing, unknown or out of range; `field` says which."""

    code = "invalid"
    default = "A field of the request is wrong."


class AuthRequired(LuminaError):
    code = "auth_required"
    default = "Send `auth` with a token first; `account.login` gives one."


class AlreadyAuthenticated(LuminaError):
    code = "already_authenticated"
    default = "This connection has its user; open another connection for another user."


class WrongCredentials(LuminaError):
    """Deliberately does not tell whether the account exists."""

    code = "wrong_credentials"
    default = "The username or the password is wrong."


class AccountDeleted(LuminaError):
    """Until when `account.restore` can bring it back, `until` says. Only the owner is told."""

    code = "account_deleted"
    default = "This account was deleted; `account.restore` brings it back."


class CodeNeeded(LuminaError):
    """The password was right, and the user has a second factor."""

    code = "code_needed"
    default = "This account has a second factor: send its `code` too."


class WrongCode(LuminaError):
    """It is wrong, too old, from a clock that is off by more than a minute, or was used before."""

    code = "wrong_code"
    default = "The code is wrong or was used before; wait for the next one, or use a recovery code."


class InvalidToken(LuminaError):
    code = "invalid_token"
    default = "The token is not from this server, or not valid any more; log in again."


class TokenExpired(LuminaError):
    """`account.refresh` gives a new one for the refresh token of the same login."""

    code = "token_expired"
    default = "The token has expired; get a new one with `account.refresh`."


class SessionEnded(LuminaError):
    """Logged out here or on another device, or ended by the server: its tokens are worthless."""

    code = "session_ended"
    default = "This login has ended; log in again."


class Suspended(LuminaError):
    """By a decision of staff, until `until`. It is told only to who has proved to be the user."""

    code = "suspended"
    default = "This account is suspended for a time."


class UsernameTaken(LuminaError):
    code = "username_taken"
    default = "Somebody has this username; choose another."


class NotFound(LuminaError):
    """Also what is there but not for this user: existence is not told to strangers."""

    code = "not_found"
    default = "There is no such thing, or not for you."


class Forbidden(LuminaError):
    """Only where who asks may see the thing: what strangers ask for is not_found."""

    code = "forbidden"
    default = "You may see this, but not change it."


class MissingScope(LuminaError):
    """The token of a bot does not allow this."""

    code = "missing_scope"
    default = "The token of this connection does not allow this; make one with more scopes."


class Gone(LuminaError):
    """It was deleted, and cannot be changed any more."""

    code = "gone"
    default = "This was deleted."


class Conflict(LuminaError):
    """A key was used before with other content: the first content stands."""

    code = "conflict"
    default = "This id was used before with other content; make a new id."


class Stale(LuminaError):
    """Based on what is not the newest any more: nothing is overwritten that was not seen."""

    code = "stale"
    default = "This was changed since you saw it; look at it again, then ask anew."


class TooOld(LuminaError):
    """An `op_id` of more than 30 days ago. The server does not know any more whether this was
    done, and so does not do it."""

    code = "too_old"
    default = "This op_id is from more than 30 days ago; look at what is there, then ask anew."


class Blocked(LuminaError):
    """Does not tell which of the two has blocked the other."""

    code = "blocked"
    default = "You and this user cannot write to each other."


class NotAccepted(LuminaError):
    """Does not tell whose messages the user accepts instead."""

    code = "not_accepted"
    default = "This user does not accept messages from you."


class AdminsOnly(LuminaError):
    """The admins of a group have decided that nobody but them says anything in it."""

    code = "admins_only"
    default = "In this group only its owners and its admins say something."


class SlowMode(LuminaError):
    """So soon after the last message; `retry_after_ms` says when the next one may come. Not
    temporary: a client that sends it again by itself would keep back what the user writes next,
    and say it when they do not expect it any more."""

    code = "slow_mode"
    default = "This group has slow mode on: wait before you say something again."


class PollClosed(LuminaError):
    code = "poll_closed"
    default = "This poll is closed."


class Banned(LuminaError):
    """From a group: by its admins, until they take it back."""

    code = "banned"
    default = "The admins of this group do not let this user in."


class Full(LuminaError):
    """A group has as many members as it can have."""

    code = "full"
    default = "This group has as many members as it can have."


class IdTime(LuminaError):
    """The time within a new id (a UUIDv7) is not within the last 7 days or the next 5 minutes.
    Only where a thing is kept by the time of its id; an `op_id` may be of the last 30 days."""

    code = "id_time"
    default = "The id says a time that cannot be; make a new id, on a device whose clock is right."


class NoMail(LuminaError):
    """What was asked for needs a mail, and the operator has named no mail server."""

    code = "no_mail"
    default = "This server sends no mail: its operator has not set LUMINA_SMTP_URL."


class TooLarge(LuminaError):
    """More bytes than the server takes of this kind."""

    code = "too_large"
    default = "This has more bytes than the server takes."


class QuotaExceeded(LuminaError):
    """Of all that a user keeps; what they delete counts no more."""

    code = "quota_exceeded"
    default = "You have no room left for this on the server."


class TooManyUploads(LuminaError):
    """At once, of one user; complete or cancel one first."""

    code = "too_many_uploads"
    default = "You have too many uploads under way; complete or cancel one."


class UploadIncomplete(LuminaError):
    """Not all bytes are there; the upload goes on."""

    code = "incomplete"
    default = "Not all bytes of this upload are there."


class WrongHash(LuminaError):
    """The bytes are not those that were said. The upload is gone."""

    code = "wrong_hash"
    default = "The bytes do not have the sha256 that was said; upload them again."


class RateLimited(LuminaError):
    code = "rate_limited"
    temporary = True
    default = "Too many requests; wait and send again."


class Overloaded(LuminaError):
    code = "overloaded"
    temporary = True
    default = "The server is busy; wait and send again."


class Unavailable(LuminaError):
    """The store is away. A write in doubt is settled by sending it again with the same id."""

    code = "unavailable"
    temporary = True
    default = "The server cannot reach its database; wait and send again with the same ids."


class Internal(LuminaError):
    """A fault of the server; `message` carries an id that its log has too."""

    code = "internal"
    temporary = True
    default = "The server failed; its log tells why."


class CloseCode(IntEnum):
    """Why the server closes. 4000-4499: reconnect with back-off. 4500-4999: something has to
    change first (a new token, a mended client), do not reconnect by yourself.

    The split in ranges follows Centrifugo's disconnect codes.
    """

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012

    AUTH_TIMEOUT = 4000
    HEARTBEAT_TIMEOUT = 4001
    SLOW_READER = 4002
    HISTORY_CHANGED = 4003
    TOKEN_EXPIRED = 4004

    MALFORMED_FRAME = 4500
    AUTH_FAILED = 4501
    TOO_MANY_SESSIONS = 4502
    SESSION_ENDED = 4503


NEVER_RECONNECT = frozenset({1002, 1003, 1007, 1008, 1009, 1010})


def may_reconnect(code: int) -> bool:
    """The reconnect rule of protocol/README.md, for every code there is."""
    return code not in NEVER_RECONNECT and not 4500 <= code <= 4999
