"""Files in a folder."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lumina_rt.blobs.local import BlobsFailed, LocalBlobs

KEY = "exports/one.zip"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def put(blobs: LocalBlobs, *pieces: bytes | Exception) -> None:
    async with blobs.writing(KEY) as file:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            file.write(piece)


async def test_it_is_there_when_it_is_whole(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    async with blobs.writing(KEY) as file:
        file.write(b"all of it")
        file.flush()
        assert KEY not in files(tmp_path)
    assert files(tmp_path) == [KEY]
    assert blobs.path(KEY).read_bytes() == b"all of it"
    assert blobs.path(KEY).stat().st_mode & 0o777 == 0o600
    blobs.remove(KEY)
    blobs.remove(KEY)
    assert files(tmp_path) == []


async def test_nothing_is_left_of_what_fails_and_what_was_there_stays(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    await put(blobs, b"before")
    with pytest.raises(LookupError):
        await put(blobs, b"half", LookupError())
    assert files(tmp_path) == [KEY]
    assert blobs.path(KEY).read_bytes() == b"before"


async def test_what_a_node_that_died_has_left_half_is_removed(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    left, other = tmp_path / f"{KEY}.part-0123", tmp_path / "exports/two.zip.part-4567"
    left.parent.mkdir()
    left.write_bytes(b"half")
    other.write_bytes(b"somebody is at it")
    await put(blobs, b"whole")
    assert files(tmp_path) == [KEY, "exports/two.zip.part-4567"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk does: a write fails half-way, with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_as_such_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    with files_of_at_most(100_000), pytest.raises(BlobsFailed, match="too large"):
        await put(blobs, *[bytes(10_000)] * 30)
    assert files(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file")
    with pytest.raises(BlobsFailed, match="exports"):
        await put(LocalBlobs(tmp_path), b"nowhere")
