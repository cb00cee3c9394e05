"""A folder for each job, of which nothing is left: not when it fails, and not for long when the
node is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "job-"
YOUNG_S = 60
"""A folder may not be locked yet that was made just now."""


@contextmanager
def workroom(parent: Path) -> Iterator[Path]:
    """An empty folder of the server's user alone. Raises OSError when there can be none."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    lock = os.open(folder, os.O_RDONLY)
    try:
        # The process that reads the file must not hold it: it is closed on exec.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(parent: Path) -> int:
    """Remove what nodes have left that are dead, and say how many there were."""
    swept = 0
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if folder.stat().st_mtime < time.time() - YOUNG_S:
                swept += _removed(folder)
        except OSError:  # somebody else was faster, or it is not ours
            continue
    return swept


def _removed(folder: Path) -> bool:
    lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
