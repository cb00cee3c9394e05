"""Media in a folder: of this machine, or one that all nodes share. Uploads come to this server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.blobs.receiving import Receiving, lock
from lumina_rt.blobs.store import CHUNK, Received, Shown, Stat, away_when, checked

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class FolderBlobs:
    """As blobs/store.py says. What it does to files, it does in a thread."""

    folder: Path
    in_parts: bool = False

    @property
    def where(self) -> str:
        return f"folder {self.folder}"

    def path(self, key: str) -> Path:
        """Raises ValueError."""
        return self.folder / checked(key)

    async def examine(self) -> None:
        with away_when(OSError):
            await asyncio.to_thread(LocalBlobs(self.folder).check)

    async def put(self, key: str, source: Path, content_type: str) -> None:
        await self._run(self._put, self.path(key), source)

    def _put(self, path: Path, source: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part-{os.getpid()}")
        try:
            shutil.copyfile(source, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    async def fetch(self, key: str, target: Path) -> None:
        await self._run(shutil.copyfile, self.path(key), target)

    async def stat(self, key: str) -> Stat | None:
        try:
            found = await self._run(os.stat, self.path(key))
        except FileNotFoundError:
            return None
        return Stat(key, found.st_size, found.st_mtime)

    async def read(self, key: str, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        with away_when(OSError):
            file = await asyncio.to_thread(_open, self.path(key), first)
            with file:
                left = None if last is None else last - first + 1
                while data := await asyncio.to_thread(file.read, min(CHUNK, left or CHUNK)):
                    yield data
                    if left is not None and (left := left - len(data)) == 0:
                        return

    async def sha256(self, key: str) -> bytes:
        return await self._run(_digest, self.path(key))

    async def delete(self, key: str) -> None:
        await self._run(lambda: self.path(key).unlink(missing_ok=True))

    async def delete_all(self, prefix: str) -> None:
        await self._run(_remove_tree, self.path(prefix.rstrip("/")))

    async def walk(self, prefix: str) -> AsyncIterator[Stat]:
        root = self.path(prefix.rstrip("/"))
        for path in await self._run(lambda: list(_files(root))):
            if found := await self.stat(path.relative_to(self.folder).as_posix()):
                yield found

    async def unfinished(self, prefix: str) -> AsyncIterator[Stat]:
        for none in list[Stat]():
            yield none

    async def begin(self, key: str, content_type: str) -> str | None:
        """The first byte makes the file."""
        return None

    async def received(self, key: str, upload_id: str | None) -> Received:
        found = await self.stat(key)
        return Received(found.size if found else 0)

    async def part_urls(
        self, key: str, upload_id: str | None, parts: Mapping[int, int], ttl_s: int
    ) -> list[str]:
        raise NotImplementedError("a folder takes no parts")

    async def finish(self, key: str, upload_id: str | None) -> None:
        """It is the file already."""

    async def url(self, key: str, shown: Shown, ttl_s: int) -> str | None:
        return None

    async def receiving(self, key: str) -> Receiving:
        """To write to an upload. Raises Busy."""
        return await self._run(Receiving, self.path(key))

    async def _run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        with away_when(OSError):
            return await asyncio.to_thread(call, *args, **kwargs)


def _open(path: Path, first: int) -> BinaryIO:
    file = path.open("rb")
    file.seek(first)
    return file


def _digest(path: Path) -> bytes:
    """Also what makes it last: a power cut must not take what was said to be there."""
    with path.open("rb") as file:
        lock(file.fileno())
        digest = hashlib.file_digest(file, "sha256").digest()
        os.fsync(file.fileno())
    return digest


def _remove_tree(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())
