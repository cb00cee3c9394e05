"""What a store of files does, whichever it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lumina_protocol.errors import Unavailable

KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
AWAY = "The server cannot reach its files; wait and try again."
CHUNK = 1_048_576
"""Bytes that are read or written at once."""


@dataclass(frozen=True, slots=True)
class Stat:
    key: str
    size: int
    """In bytes."""
    modified: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Received:
    """What there is of an upload."""

    size: int = 0
    """In bytes."""
    parts: Mapping[int, int] = field(default_factory=dict)
    """Of one in parts, from the number of each, from 1, to its bytes."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How whoever fetches a file is told of it."""

    content_type: str
    disposition: str
    """The header Content-Disposition."""


class Busy(Exception):
    """Somebody is just writing to this upload."""


class Blobs(Protocol):
    """Keys are ours, and never a user's: `media/ID/large.webp`. Everything but `key_of` raises
    Unavailable when the store is away."""

    @property
    def in_parts(self) -> bool:
        """Uploads go to the store itself, in parts; else to this server (`Receiving`)."""

    @property
    def where(self) -> str:
        """For operators."""

    async def examine(self) -> None:
        """Write, read and remove a probe."""

    async def put(self, key: str, source: Path, content_type: str) -> None:
        """Keep a copy of a file, whole or not at all."""

    async def fetch(self, key: str, target: Path) -> None:
        """Copy it to a file. Raises FileNotFoundError."""

    async def stat(self, key: str) -> Stat | None: ...

    def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        """From one byte to another, both included. Raises FileNotFoundError."""

    async def sha256(self, key: str) -> bytes:
        """Of all its bytes, read anew. Raises FileNotFoundError, Busy."""

    async def delete(self, key: str) -> None:
        """It need not be there; of an upload, what there is of it."""

    async def delete_all(self, prefix: str) -> None:
        """What is below `media/ID/`."""

    def walk(self, prefix: str) -> AsyncIterator[Stat]:
        """All below, in no order."""

    def unfinished(self, prefix: str) -> AsyncIterator[Stat]:
        """Uploads in parts below, of which there is no file yet: when each was begun, no size.
        `delete` ends them."""

    async def begin(self, key: str, content_type: str) -> str | None:
        """The store's own id of a new upload, where it has one."""

    async def received(self, key: str, upload_id: str | None) -> Received: ...

    async def part_urls(
        self, key: str, upload_id: str | None, parts: Mapping[int, int], ttl_s: int
    ) -> list[str]:
        """Where parts are put to, given the bytes of each. Only `in_parts`."""

    async def finish(self, key: str, upload_id: str | None) -> None:
        """The parts become the file; it may be so already."""

    async def url(self, key: str, shown: Shown, ttl_s: int) -> str | None:
        """For everybody who has it, for that time. None: this server gives it out itself."""


def checked(key: str) -> str:
    """Raises ValueError for what could lead elsewhere."""
    if not KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key of a file")
    return key


@contextmanager
def away_when(*errors: type[Exception]) -> Iterator[None]:
    """Make Unavailable of these, but for a file that is not there."""
    try:
        yield
    except FileNotFoundError:
        raise
    except errors as error:
        raise Unavailable(AWAY, retry_after_ms=2000) from error
