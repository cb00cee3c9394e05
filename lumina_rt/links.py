"""Links that are good for a while, without a token: for browsers and programs that fetch a file."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from lumina_protocol.errors import InvalidToken

TTL_S = 3600
REFUSED = "The link is wrong, or its time is over; ask for another one."
NOBODY = UUID(int=0)
"""Of links that are good for everybody who has them."""


@dataclass(frozen=True, slots=True)
class Links:
    """Signed with the first secret, accepted with each, as access tokens are. A link names the
    login that has asked for it: whoever accepts one looks whether that goes on."""

    secrets: Sequence[str]
    now: Callable[[], float] = time.time

    def issue(self, path: str, login: UUID, until: int | None = None) -> tuple[str, int]:
        """Path with query, and until when it is good, in milliseconds since 1970; by default for an
        hour."""
        until = until or int((self.now() + TTL_S) * 1000)
        signature = _sign(self.secrets[0], path, login, until)
        query = {"login": str(login), "until": until, "signature": signature}
        return f"{path}?{urlencode(query)}", until

    def read(self, path: str, login: str, until: str, signature: str) -> UUID:
        """The login. Raises InvalidToken."""
        try:
            said = UUID(login), int(until)
        except ValueError:
            raise InvalidToken(REFUSED) from None
        good = [_sign(secret, path, *said) for secret in self.secrets]
        given = signature.encode(errors="replace")
        if not any(hmac.compare_digest(each.encode(), given) for each in good):
            raise InvalidToken(REFUSED)
        if self.now() * 1000 >= said[1]:
            raise InvalidToken(REFUSED)
        return said[0]


def _sign(secret: str, path: str, login: UUID, until: int) -> str:
    key = hashlib.sha256(b"lumina-link" + secret.encode()).digest()
    return hmac.digest(key, f"{path}\0{login}\0{until}".encode(), "sha256").hex()
