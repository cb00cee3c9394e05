"""A file that is being uploaded, held by one writer at a time on all nodes of its folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lumina_rt.blobs.store import Busy


class Receiving:
    """Its size is the truth of how far an upload is: what is in it was received, whatever died
    meanwhile. Its methods block; they are for threads."""

    def __init__(self, path: Path) -> None:
        """Raises Busy, OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock(self.fd)
            self.size = os.lseek(self.fd, 0, os.SEEK_END)
        except BaseException:
            os.close(self.fd)
            raise

    def write(self, data: bytes | bytearray) -> None:
        """Raises OSError; then nothing of it is there."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.fd, view) :]
        except OSError:
            self.cut(self.size)
            raise
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Only so much of it counts."""
        os.ftruncate(self.fd, size)
        self.size = os.lseek(self.fd, 0, os.SEEK_END)

    def close(self) -> None:
        os.close(self.fd)


def lock(fd: int) -> None:
    """Until it is closed. Raises Busy."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy from None
