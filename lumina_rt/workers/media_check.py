"""The table of media compared with the store of files, while nodes run: `lumina media check`.

First each file is looked for in the table, then each row in what was found. What seems to be wrong
is asked again in both, since a node may just have changed it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_rt.blobs.store import Blobs, Stat
from lumina_rt.store.db import Db
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

PAGE = query("media_check.page")
OF = query("media_check.of")
GOING = query("media_check.going")

FOLDERS = ("uploads/", "media/")
BATCH = 500
EXAMPLES = 5
NO_ROW = "files that no row names"
NO_BYTES = "uploads whose bytes are not there"
LOST = "variants that are lost"
SIZE = "files of another size"
KINDS = (NO_ROW, NO_BYTES, LOST, SIZE)


@dataclass(slots=True)
class Wrong:
    """Of one kind."""

    count: int = 0
    size: int = 0
    """In bytes: those that could be free; else those that should be there."""
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    files: int = 0
    rows: int = 0
    young: int = 0
    """Files that no row names, and that are too young to be judged."""
    going: int = 0
    """Files that the nodes remove already."""
    removed: int = 0
    wrong: dict[str, Wrong] = field(default_factory=lambda: {kind: Wrong() for kind in KINDS})

    def add(self, kind: str, size: int, example: str) -> None:
        found = self.wrong[kind]
        found.count += 1
        found.size += size
        if len(found.examples) < EXAMPLES:
            found.examples.append(example)


@dataclass(slots=True)
class _Named:
    """What the table says of some media."""

    sizes: dict[str, int | None] = field(default_factory=dict)
    """Of each key, in bytes; None while they are coming."""
    under_way: set[str] = field(default_factory=set)
    """Folders in which a node is just making variants."""
    going: set[str] = field(default_factory=set)
    """Keys, and folders of media that are gone."""

    def names(self, key: str) -> bool:
        return key in self.sizes or key.rpartition("/")[0] in self.under_way

    def is_going(self, key: str) -> bool:
        return key in self.going or "/".join(key.split("/")[:2]) in self.going


@dataclass(slots=True)
class MediaCheck:
    db: Db
    blobs: Blobs
    grace_s: float
    """A younger file is never judged: its row may be about to be written."""
    fix: bool = False
    progress: Callable[[Report], None] = lambda report: None
    clock: Callable[[], float] = time.time
    report: Report = field(default_factory=Report)
    _seen: set[int] = field(default_factory=set)
    """Hashes of the keys of files: 60 MB for each million."""

    async def run(self) -> Report:
        """Raises Unavailable when Postgres or the store is away."""
        for folder in FOLDERS:
            async for found in _batches(self.blobs.walk(folder)):
                await self._files(found)
            async for found in _batches(self.blobs.unfinished(folder)):
                await self._unfinished(found)
        after: UUID | None = UUID(int=0)
        while after is not None:
            after = await self._rows(after)
        return self.report

    async def _files(self, found: list[Stat]) -> None:
        named = await self._named(found)
        self.report.files += len(found)
        for file in found:
            self._seen.add(hash(file.key))
            size = named.sizes.get(file.key)
            if not named.names(file.key):
                await self._no_row(file, named)
            elif size is not None and size != file.size:
                await self._other_size(file)
        self.progress(self.report)

    async def _unfinished(self, found: list[Stat]) -> None:
        """Uploads in parts, which no list of files shows."""
        named = await self._named(found)
        self.report.files += len(found)
        for file in found:
            if not named.names(file.key):
                await self._no_row(file, named)

    async def _no_row(self, file: Stat, named: _Named) -> None:
        if named.is_going(file.key):
            self.report.going += 1
        elif file.modified > self.clock() - self.grace_s:
            self.report.young += 1
        else:
            self.report.add(NO_ROW, file.size, f"{file.key}: {file.size:,} bytes")
            if self.fix:
                await self.blobs.delete(file.key)
                self.report.removed += 1

    async def _other_size(self, file: Stat) -> None:
        """Looked at again: it may have been listed while it came."""
        now, size = await self.blobs.stat(file.key), (await self._named([file])).sizes
        wanted = size.get(file.key)
        if now and wanted is not None and now.size != wanted:
            self.report.add(SIZE, wanted, f"{file.key}: {now.size:,} bytes, should be {wanted:,}")

    async def _named(self, files: list[Stat]) -> _Named:
        ids = list({found for file in files if (found := _media_id(file.key))})
        named = _Named()
        async with self.db.read() as tx:
            rows = await tx.all(OF, media_ids=ids)
            going = await tx.all(GOING, media_ids=ids)
        for row in rows:
            if row["storage_key"]:
                named.sizes[row["storage_key"]] = row["bytes"]
            if row["attempt_id"]:
                named.under_way.add(f"media/{row['media_id']}/{row['attempt_id'].hex}")
        there = {row["media_id"] for row in rows}
        for row in going:
            named.going.add(row["storage_key"])
            if row["media_id"] not in there:
                named.going.add(f"media/{row['media_id']}")
        return named

    async def _rows(self, after: UUID) -> UUID | None:
        """A page of them; the last one, or None when there are no more."""
        async with self.db.read() as tx:
            rows = await tx.all(PAGE, media_id=after, limit=BATCH)
        if not rows:
            return None
        self.report.rows += len({row["media_id"] for row in rows})
        for row in rows:
            if _lacks(row, self._seen):
                await self._missing(row)
        self.progress(self.report)
        last: UUID = rows[-1]["media_id"]
        return last

    async def _missing(self, row: Row) -> None:
        """Unless a node has put it there, or changed the row, meanwhile."""
        key = row["storage_key"]
        if key and await self.blobs.stat(key):
            return
        async with self.db.read() as tx:
            again = await tx.all(OF, media_ids=[row["media_id"]])
        if dict(row) not in map(dict, again):
            return
        kind = NO_BYTES if key and row["variant"] is None else LOST
        self.report.add(kind, row["bytes"] or 0, f"{row['media_id']}: {key or 'it names none'}")


def _lacks(row: Row, seen: set[int]) -> bool:
    if row["storage_key"] is None:
        return bool(row["status"] == "ready")
    return row["bytes"] is not None and hash(row["storage_key"]) not in seen


def _media_id(key: str) -> UUID | None:
    """Of which media it is, by its place; None of what is no key of ours."""
    try:
        return UUID(key.partition("/")[2][:36])
    except ValueError:
        return None


async def _batches(found: AsyncIterator[Stat]) -> AsyncIterator[list[Stat]]:
    batch: list[Stat] = []
    async for one in found:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
