"""Who is connected, as the nodes tell each other: a set of users for each run of a node.

A node that dies is forgotten with its set. A change is written to the set first and then to the
log, so that whoever reads of it there finds it in the set.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError
from redis.typing import EncodableT, FieldT

TTL_MS = 15_000
SILENT_MS = 8_000
"""A node that has said nothing for so long is taken for dead: its set is read before it expires."""
LOG_LENGTH = 1000
LOG_TTL_MS = 60_000
FORGOTTEN_S = 60.0
"""By the clocks of the nodes; whether a set is there says whether its node lives."""
WITHIN_S = 2.0
CHUNK = 1000
T = TypeVar("T")
NODE = b""
"""In each set, so that it is there also when nobody is connected; until its node ends in order."""
GONE = -2
"""What PTTL says of a key that there is not."""


class Away(Exception):
    """Redis did not answer in time."""


@dataclass(frozen=True, slots=True)
class Heard:
    moved: set[UUID]
    """Those who have come or gone, and those of `changed`."""
    changed: set[UUID]
    """Those who show something else than before, or see something else."""
    fewer: bool
    """A node is gone, and those who were connected to it with it."""
    restored: bool
    """Redis had forgotten us."""
    silent: dict[bytes, int]
    """Nodes that seem to be dead, and when they were last heard of, in ms since 1970."""


@dataclass(slots=True)
class Registry:
    redis: Redis
    prefix: str
    node_id: str
    nodes: set[bytes] = field(default_factory=set)
    """Those whose set was there at the last turn."""
    _listed: set[bytes] = field(default_factory=set)
    _last_id: bytes | None = None
    _taken: set[bytes] = field(default_factory=set)
    """Silent nodes of which we have asked already."""

    async def turn(
        self, came: Iterable[UUID], gone: Iterable[UUID], changed: Iterable[UUID], here: set[UUID]
    ) -> Heard:
        """Write who came and went, and read what others have. `here` are all that the set is to
        have, in case it is lost. Raises Away; then all of it is to be said again."""
        return await _in_time(self._turn(_ids(came), _ids(gone), _ids(changed), here))

    async def online(self, users: Sequence[UUID]) -> set[UUID]:
        """Those of them who are connected to some node. Raises Away."""
        return await _in_time(self._online(_ids(users), self.nodes)) if users else set()

    async def left_by(self, node: bytes) -> set[UUID]:
        """Who was connected to a node that is silent, and to no other. Only one node is told, and
        nobody of a node that has ended in order. Raises Away."""
        if node in self._taken:
            return set()
        left = await _in_time(self._left_by(node))
        self._taken.add(node)
        return left

    async def end(self, after_s: float) -> None:
        """Who was connected here has so long to come back elsewhere. Raises Away."""
        await _in_time(self._end(max(int(after_s * 1000), 1)))

    async def _end(self, after_ms: int) -> None:
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.srem(self._set(self.node_id), NODE)
            pipe.pexpire(self._set(self.node_id), after_ms)
            await pipe.execute()

    async def _left_by(self, node: bytes) -> set[UUID]:
        name = self._set(node.decode())
        if not await self.redis.set(f"{name}:left", self.node_id, nx=True, px=TTL_MS):
            return set()
        found: set[Any] = await self.redis.smembers(name)
        if NODE not in found:
            return set()
        users: list[bytes] = sorted(found - {NODE})
        return _users(b"".join(users)) - await self._online(users, self.nodes - {node})

    async def _turn(
        self, came: list[bytes], gone: list[bytes], changed: list[bytes], here: set[UUID]
    ) -> Heard:
        listed = sorted(self._listed)
        async with self.redis.pipeline(transaction=False) as pipe:
            pipe.sadd(self._set(self.node_id), NODE)
            self._write(pipe, came, gone)
            pipe.pexpire(self._set(self.node_id), TTL_MS)
            if told := [*came, *gone, *changed]:
                entry: dict[FieldT, EncodableT] = {"b": b"".join(told), "c": b"".join(changed)}
                pipe.xadd(self._log, entry, maxlen=LOG_LENGTH, approximate=True)
                pipe.pexpire(self._log, LOG_TTL_MS)
            now = time.time()
            pipe.zadd(self._nodes, {self.node_id: now})
            pipe.zremrangebyscore(self._nodes, "-inf", now - FORGOTTEN_S)
            for node in listed:
                pipe.pttl(self._set(node.decode()))
            pipe.zrange(self._nodes, 0, -1)
            if self._last_id is None:
                pipe.xrevrange(self._log, count=1)
            else:
                pipe.xrange(self._log, min=b"(" + self._last_id)
            answers: list[Any] = await pipe.execute()
        *_, names, entries = answers
        if restored := answers[0] == 1:
            await self._restore(_ids(here))
        found = answers[-2 - len(listed) : -2]
        left_ms = {node: ms for node, ms in zip(listed, found, strict=True) if ms != GONE}
        there = set(left_ms)
        fewer, self.nodes = bool(self.nodes - there), there | (set(names) - self._listed)
        self._listed = set(names)
        first, self._last_id = self._last_id is None, self._newest(entries)
        heard = [] if first else [entry for _, entry in entries]
        moved, seen = (_users(b"".join(entry[key] for entry in heard)) for key in (b"b", b"c"))
        return Heard(moved, seen, fewer, restored, self._silent(left_ms, now))

    def _silent(self, left_ms: dict[bytes, int], now: float) -> dict[bytes, int]:
        quiet_ms = {node: TTL_MS - left for node, left in left_ms.items() if left >= 0}
        silent = {node: quiet for node, quiet in quiet_ms.items() if quiet > SILENT_MS}
        self._taken &= silent.keys()
        return {node: int(now * 1000) - quiet for node, quiet in silent.items()}

    def _newest(self, entries: list[Any]) -> bytes:
        newest: bytes = max([self._last_id or b"0-0", *(id_ for id_, _ in entries)], key=_number)
        return newest

    async def _restore(self, here: list[bytes]) -> None:
        self._last_id = None
        async with self.redis.pipeline(transaction=False) as pipe:
            self._write(pipe, here, [])
            pipe.pexpire(self._set(self.node_id), TTL_MS)
            await pipe.execute()

    def _write(self, pipe: Pipeline, came: list[bytes], gone: list[bytes]) -> None:
        for chunk in _chunks(came):
            pipe.sadd(self._set(self.node_id), *chunk)
        for chunk in _chunks(gone):
            pipe.srem(self._set(self.node_id), *chunk)

    async def _online(self, users: list[bytes], nodes: set[bytes]) -> set[UUID]:
        chunks = list(_chunks(users))
        async with self.redis.pipeline(transaction=False) as pipe:
            for node in sorted(nodes):
                for chunk in chunks:
                    pipe.execute_command("SMISMEMBER", self._set(node.decode()), *chunk)
            answers: list[list[int]] = await pipe.execute()
        found: set[UUID] = set()
        for number, answer in enumerate(answers):
            chunk = chunks[number % len(chunks)]
            found.update(UUID(bytes=u) for u, there in zip(chunk, answer, strict=True) if there)
        return found

    def _set(self, node_id: str) -> str:
        return f"{self.prefix}:online:{node_id}"

    @property
    def _nodes(self) -> str:
        return f"{self.prefix}:online"

    @property
    def _log(self) -> str:
        return f"{self.prefix}:presence"


async def _in_time(asking: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(asking, WITHIN_S)
    except (RedisError, OSError, TimeoutError) as error:
        raise Away from error


def _number(id_: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in id_.split(b"-"))


def _ids(users: Iterable[UUID]) -> list[bytes]:
    return [user.bytes for user in users]


def _users(data: bytes) -> set[UUID]:
    return {UUID(bytes=data[at : at + 16]) for at in range(0, len(data) - 15, 16)}


def _chunks(items: list[bytes]) -> Iterable[list[bytes]]:
    return (items[at : at + CHUNK] for at in range(0, len(items), CHUNK))
