"""What an operation comes to, as an HTTP response."""

from __future__ import annotations

from aiohttp import web
from lumina_protocol.codec import JSON
from lumina_protocol.errors import (
    AdminsOnly,
    AlreadyAuthenticated,
    AuthRequired,
    Banned,
    Blocked,
    CodeNeeded,
    Conflict,
    ErrorBody,
    Forbidden,
    Full,
    Gone,
    Internal,
    InvalidToken,
    MissingScope,
    NotFound,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    SessionEnded,
    SlowMode,
    Stale,
    Suspended,
    TokenExpired,
    TooLarge,
    TooManyUploads,
    TooOld,
    Unavailable,
    UnknownOp,
    UploadIncomplete,
    UsernameTaken,
    WrongCode,
    WrongCredentials,
    WrongHash,
)
from lumina_protocol.frame import Reply

STATUS = {
    AuthRequired.code: 401,
    InvalidToken.code: 401,
    TokenExpired.code: 401,
    SessionEnded.code: 401,
    WrongCredentials.code: 403,
    CodeNeeded.code: 403,
    WrongCode.code: 403,
    Forbidden.code: 403,
    MissingScope.code: 403,
    Blocked.code: 403,
    AdminsOnly.code: 403,
    Banned.code: 403,
    Suspended.code: 403,
    NotFound.code: 404,
    UnknownOp.code: 404,
    AlreadyAuthenticated.code: 409,
    Conflict.code: 409,
    Full.code: 409,
    QuotaExceeded.code: 409,
    Stale.code: 409,
    TooManyUploads.code: 409,
    UploadIncomplete.code: 409,
    WrongHash.code: 409,
    UsernameTaken.code: 409,
    Gone.code: 410,
    TooOld.code: 410,
    TooLarge.code: 413,
    "upgrade_required": 426,
    RateLimited.code: 429,
    SlowMode.code: 429,
    Internal.code: 500,
    Overloaded.code: 503,
    Unavailable.code: 503,
}
"""Of errors that are not here, 503 when they are temporary, or else 400."""
TOKEN_REFUSED = frozenset({InvalidToken.code, TokenExpired.code, SessionEnded.code})
WAIT_S = 1
"""Where the error does not say how long."""


def answer(result: Reply | ErrorBody) -> web.Response:
    """What is told may be secret, so nobody keeps it (RFC 6750 section 5.3)."""
    headers = {"Cache-Control": "no-store"}
    status = 200
    if isinstance(result, ErrorBody):
        status = STATUS.get(result.code, 503 if result.temporary else 400)
        headers |= _headers(result, status)
    body = JSON.pack(result.model_dump(exclude_none=True))
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _headers(error: ErrorBody, status: int) -> dict[str, str]:
    if status == 401 or error.code == MissingScope.code:
        return {"WWW-Authenticate": _challenge(error.code)}
    if status in (429, 503):  # RFC 9110 section 10.2.3: whole seconds
        wait_ms = error.retry_after_ms or WAIT_S * 1000
        return {"Retry-After": str(-(-wait_ms // 1000))}
    return {"Upgrade": "websocket"} if status == 426 else {}


def _challenge(code: str) -> str:
    """RFC 6750 section 3."""
    error = "invalid_token" if code in TOKEN_REFUSED else ""
    if code == MissingScope.code:
        error = "insufficient_scope"
    return 'Bearer realm="lumina"' + (f', error="{error}"' if error else "")
