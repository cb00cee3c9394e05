"""Files in a folder: of this machine, or one that all nodes share."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

PROBE = b"lumina"
PART = ".part-"


class BlobsFailed(Exception):
    """A file cannot be kept; the message says why. No OSError, which would read as if Postgres were
    away where both are in use."""


@dataclass(frozen=True, slots=True)
class LocalBlobs:
    """Keys are ours, and never a user's: `exports/ID.zip`."""

    folder: Path

    def check(self) -> None:
        """Write, read and remove a probe file. Raises OSError with the cause."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(PROBE)
            if probe.read_bytes() != PROBE:
                raise OSError(f"{probe}: what was written is not what is read")
        finally:
            probe.unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        return self.folder / key

    @asynccontextmanager
    async def writing(self, key: str) -> AsyncIterator[BinaryIO]:
        """A file that is there under its key when the block has ended well, and not at all when it
        raises. For one writer of a key at a time: what an earlier one has left half is removed.

        Raises BlobsFailed, also in the block from what writes to the file.
        """
        path = self.path(key)
        part = path.with_name(f"{path.name}{PART}{secrets.token_hex(4)}")
        with _failing():
            path.parent.mkdir(parents=True, exist_ok=True)
            for left in path.parent.glob(f"{path.name}{PART}*"):
                left.unlink(missing_ok=True)
            file = io.BufferedWriter(_File(part, "xb", opener=_private))
        try:
            with file:
                yield file
                file.flush()
                with _failing():
                    await asyncio.to_thread(os.fsync, file.fileno())
            with _failing():
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """It need not be there. Raises BlobsFailed."""
        with _failing():
            self.path(key).unlink(missing_ok=True)


class _File(io.FileIO):
    def write(self, data: Buffer, /) -> int:
        with _failing():
            return super().write(data)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BlobsFailed(str(error)) from error


def _private(path: str, flags: int) -> int:
    """For the server's own user alone."""
    return os.open(path, flags, 0o600)
