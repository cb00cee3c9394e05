"""What proves who somebody is after a login: access tokens, refresh tokens, tokens of bots."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import jwt
from lumina_protocol.errors import InvalidToken, TokenExpired

ALGORITHM = "HS256"
REFRESH, BOT, INVITE = "lref_", "lbot_", "linv_"
"""What tokens begin with, so that scanners of published code find them."""
SECRET_BYTES, MAC_BYTES = 24, 16
HEAD_BYTES = 16 + 4
"""The login, and the generation of a refresh token."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says."""

    user_id: UUID
    session_id: UUID
    expires_at: int
    """Milliseconds since 1970."""


@dataclass(slots=True)
class AccessTokens:
    """Signed, self-contained, for minutes (RFC 7519). The first secret signs; a token says by its
    `kid` (RFC 7515 section 4.1.4) which one did, so that secrets can be exchanged."""

    secrets: Sequence[str]
    ttl_s: int
    now: Callable[[], float] = time.time
    _keys: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._keys = {_kid(secret): secret for secret in self.secrets}

    def issue(self, user_id: UUID, session_id: UUID, ttl_s: int | None = None) -> tuple[str, int]:
        """A token and when it expires, in milliseconds since 1970."""
        now, secret = int(self.now()), self.secrets[0]
        expires = now + (ttl_s or self.ttl_s)
        claims = {"sub": str(user_id), "sid": str(session_id), "iat": now, "exp": expires}
        return jwt.encode(claims, secret, ALGORITHM, {"kid": _kid(secret)}), expires * 1000

    def read(self, token: str) -> Access:
        """Raises InvalidToken, TokenExpired."""
        try:
            claims = jwt.decode(
                token,
                self._keys[jwt.get_unverified_header(token)["kid"]],
                [ALGORITHM],
                options={
                    "require": ["sub", "sid", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            user_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
            access = Access(user_id, session_id, int(float(claims["exp"]) * 1000))
        except (jwt.InvalidTokenError, LookupError, ValueError, TypeError, AttributeError,
                ArithmeticError):  # fmt: skip
            raise InvalidToken(field="token") from None
        if not self.now() * 1000 < access.expires_at:
            raise TokenExpired(field="token")
        return access


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token that is ours, or was once."""

    session_id: UUID
    generation: int
    raw: bytes


@dataclass(slots=True)
class RefreshTokens:
    """Each is for one use, and is followed by the next generation of the same login. The next one
    is derived from it and the id of the request: who has not got the answer asks again and gets the
    same, and who has a copy of the token alone does not. That it was ours is seen from its seal;
    which one is valid, the store knows, as a digest (RFC 9700 section 4.14.2 on rotation)."""

    secrets: Sequence[str]

    def first(self, session_id: UUID) -> str:
        return self._seal(self.secrets[0], session_id, 0, os.urandom(SECRET_BYTES))

    def read(self, token: str) -> Refresh:
        """Raises InvalidToken."""
        raw = _decode(REFRESH, token, HEAD_BYTES + SECRET_BYTES + MAC_BYTES)
        said, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if not any(hmac.compare_digest(_mac(secret, said), mac) for secret in self.secrets):
            raise InvalidToken(field="refresh_token")
        return Refresh(UUID(bytes=raw[:16]), int.from_bytes(raw[16:HEAD_BYTES], "big"), raw)

    def followers(self, token: Refresh, op_id: UUID) -> list[str]:
        """What may have followed it, with each of the secrets; the first is what follows now."""
        said, generation = token.raw + op_id.bytes, token.generation + 1
        return [
            self._seal(secret, token.session_id, generation, _next(secret, said))
            for secret in self.secrets
        ]

    def _seal(self, key: str, session_id: UUID, generation: int, secret: bytes) -> str:
        said = session_id.bytes + generation.to_bytes(4, "big") + secret
        return _encode(REFRESH, said + _mac(key, said))


def new_bot_token() -> str:
    return _encode(BOT, os.urandom(SECRET_BYTES + 8))


def new_invite_code() -> str:
    return _encode(INVITE, os.urandom(SECRET_BYTES))


def is_bot_token(token: str) -> bool:
    return token.startswith(BOT)


def digest(token: str) -> bytes:
    """What the store keeps of a token that has 24 random bytes or more."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _kid(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=6, person=b"lumina-kid").hexdigest()


def _mac(secret: str, said: bytes) -> bytes:
    return _keyed(secret, b"lumina-refresh", said)[:MAC_BYTES]


def _next(secret: str, said: bytes) -> bytes:
    return _keyed(secret, b"lumina-rotate", said)[:SECRET_BYTES]


def _keyed(secret: str, purpose: bytes, said: bytes) -> bytes:
    key = hashlib.sha256(purpose + secret.encode()).digest()
    return hmac.digest(key, said, "sha256")


def _encode(prefix: str, raw: bytes) -> str:
    return prefix + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(prefix: str, token: str, size: int) -> bytes:
    try:
        text = token.removeprefix(prefix).encode("ascii")
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if not token.startswith(prefix) or len(raw) != size:
        raise InvalidToken(field="refresh_token")
    return raw
