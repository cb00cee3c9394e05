"""Passwords: what proves who somebody is at a login."""

from __future__ import annotations

import base64
import hashlib
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio.to_thread
import bcrypt
from lumina_protocol.errors import Overloaded

T = TypeVar("T")


@dataclass(slots=True)
class Passwords:
    """bcrypt in threads: it is made to be slow, and the event loop must not be."""

    max_waiting: int
    rounds: int
    waiting: int = 0
    limiter: anyio.CapacityLimiter = field(init=False)
    nobody: bytes = field(init=False)
    """Compared with when a name is unknown, so that the answer takes as long as for a known one:
    a digest that was made quickly but says that it takes `rounds` to check."""

    def __post_init__(self) -> None:
        self.limiter = anyio.CapacityLimiter(max(1, (os.cpu_count() or 1) - 1))
        quick = bcrypt.hashpw(b"nobody has this", bcrypt.gensalt(4))
        self.nobody = quick.replace(b"$04$", b"$%02d$" % self.rounds, 1)

    async def hash(self, password: str) -> str:
        """Raises Overloaded when too many wait."""
        salt = bcrypt.gensalt(self.rounds)
        hashed: bytes = await self._in_thread(bcrypt.hashpw, _prehash(password), salt)
        return hashed.decode()

    async def matches(self, password: str, hashed: str | None) -> bool:
        """`hashed` is None for an unknown user: false, after the same time. Raises Overloaded."""
        known = hashed.encode() if hashed else self.nobody
        right: bool = await self._in_thread(bcrypt.checkpw, _prehash(password), known)
        return right and hashed is not None

    async def _in_thread(self, work: Callable[..., T], *args: bytes) -> T:
        if self.waiting >= self.max_waiting:
            raise Overloaded(retry_after_ms=2000)
        self.waiting += 1
        try:
            return await anyio.to_thread.run_sync(work, *args, limiter=self.limiter)
        finally:
            self.waiting -= 1


def _prehash(password: str) -> bytes:
    """bcrypt reads 72 bytes and no NUL: a digest lets every character of a password count.

    NFC first, as in RFC 8265 section 4.2.2: keyboards compose the same letter differently.
    """
    text = unicodedata.normalize("NFC", password).encode()
    digest = hashlib.blake2b(text, digest_size=48, person=b"lumina-password").digest()
    return base64.b64encode(digest)
