"""Group commit: what waits together is committed together.

While one batch of a line is under way the next one fills, so an idle server answers in one round
trip and a busy one in batches; there is no timer. Items of one key always wait in the same line,
and a line has one batch under way: they are committed, and announced, in the order they came in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
from lumina_protocol.errors import Internal, LuminaError, Overloaded, Unavailable

from lumina_rt.store.db import Db, Tx
from lumina_rt.store.refusals import refusal

MAX_WAITING = 10_000
TRIES = 2
"""Of a batch whose connection broke, or that had to give way in a deadlock. It may have been
committed: its items are keyed, so doing it again gives the first results."""
BY_ONE_ITEM = ("22", "23")
"""The classes of SQLSTATE that a single bad item causes: its value, or a constraint it breaks."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Commit = Callable[[Tx, Sequence[Item]], Awaitable[list[Result | LuminaError]]]


@dataclass(frozen=True, slots=True, eq=False)
class Grouped(Generic[Item, Result]):
    """A write that is done in batches. `commit(tx, items)` does one by a single statement, and
    gives each item its result or its refusal; what it emits leaves in that order."""

    commit: Commit[Item, Result]
    key: Callable[[Item], UUID]
    """Of the row whose lock an item needs."""


GROUPED: list[Grouped[Any, Any]] = []


def grouped(
    key: Callable[[Item], UUID],
) -> Callable[[Commit[Item, Result]], Grouped[Item, Result]]:
    """Make a function the commit of a write that is done in batches."""

    def register(commit: Commit[Item, Result]) -> Grouped[Item, Result]:
        GROUPED.append(write := Grouped(commit, key))
        return write

    return register


@dataclass(slots=True)
class Writers:
    """`submit` from anywhere; `run` is a loop to be kept running."""

    db: Db
    max_batch: int
    """Items that one transaction commits at most."""
    lines: int = 4
    """For each write, and so the batches of it that are under way at once."""
    committed: Callable[[int], None] = lambda items: None
    """Told after each transaction how many items it had, with those it refused."""
    writes: Sequence[Grouped[Any, Any]] = field(default_factory=lambda: GROUPED)
    waiting: int = 0
    """Items without a result."""
    _lines: dict[Grouped[Any, Any], list[Line]] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = {
            write: [Line(self, write) for _ in range(self.lines)] for write in self.writes
        }

    def submit(self, write: Grouped[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Put an item in line: there is no await before it has its place. The future raises what
        the item is refused with, Unavailable when the store is away. Raises Overloaded."""
        if self.waiting >= MAX_WAITING:
            raise Overloaded(retry_after_ms=1000)
        line = self._lines[write][hash(write.key(item)) % self.lines]
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.waiting += 1
        line.add(item, result)
        return result

    async def run(self) -> None:
        """Ends only by being cancelled: a failure is told to those whom it concerns."""
        async with asyncio.TaskGroup() as tasks:
            for lines in self._lines.values():
                for line in lines:
                    tasks.create_task(line.run())


@dataclass(slots=True)
class Line:
    """Those who wait for one writer."""

    writers: Writers
    write: Grouped[Any, Any]
    _queue: deque[tuple[Any, asyncio.Future[Any]]] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: int = 0
    """Items of the batch that is being committed, and have no result yet."""

    def add(self, item: Any, result: asyncio.Future[Any]) -> None:
        self._queue.append((item, result))
        self._wake.set()

    async def run(self) -> None:
        try:
            await self._run()
        finally:  # whoever is still in line would wait for ever
            self.writers.waiting -= len(self._queue)
            _fail(list(self._queue), Unavailable(retry_after_ms=1000), None)
            self._queue.clear()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            while self._queue:
                self._under_way = min(self.writers.max_batch, len(self._queue))
                batch = [self._queue.popleft() for _ in range(self._under_way)]
                try:
                    await self._settle(batch)
                finally:  # when the node stops in the middle of it, it is in doubt
                    self._done(self._under_way)
                    _fail(batch, Unavailable(retry_after_ms=1000), None)
            self._wake.clear()

    async def _settle(self, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        """Give every item its result. One that the store does not take is found by halves."""
        try:
            await self._commit(batch)
        except asyncpg.PostgresError as error:
            if len(batch) == 1 or (error.sqlstate or "")[:2] not in BY_ONE_ITEM:
                self._done(len(batch))
                _fail(batch, refusal(error) or Internal(), error)
                return
            half = len(batch) // 2
            await self._settle(batch[:half])
            await self._settle(batch[half:])
        except Exception as error:
            self._done(len(batch))
            _fail(batch, error if isinstance(error, LuminaError) else Internal(), error)

    async def _commit(self, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        for _ in range(TRIES - 1):
            try:
                return await self._once(batch)
            except Unavailable:
                continue
        return await self._once(batch)

    async def _once(self, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        """The statement is the transaction, so its end is the commit: those who wait are answered
        before the connection is given back, which takes time, and may fail."""
        committed = False
        try:
            async with self.writers.db.statement() as tx:
                results = await self.write.commit(tx, [item for item, _ in batch])
                committed = True
                self.writers.committed(len(batch))
                self._done(len(batch))
                for (_, future), result in zip(batch, results, strict=True):
                    _answer(future, result)
        except Unavailable:
            if not committed:
                raise

    def _done(self, items: int) -> None:
        items = min(items, self._under_way)
        self._under_way -= items
        self.writers.waiting -= items


def _answer(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():  # whoever asked is gone; it is committed all the same
        return
    if isinstance(result, LuminaError):
        future.set_exception(result)
    else:
        future.set_result(result)


def _fail(
    batch: list[tuple[Any, asyncio.Future[Any]]], why: LuminaError, cause: Exception | None
) -> None:
    for _, future in batch:
        if not future.done():
            error = type(why)(body=why.body)
            error.__cause__ = cause
            future.set_exception(error)
