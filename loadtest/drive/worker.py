"""A process with a part of the users. It obeys what comes over a pipe, and tells what it counts."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil
import uvloop

from loadtest.drive.ledger import Books, Key
from loadtest.drive.line import Lost
from loadtest.drive.pacer import Pacer
from loadtest.drive.people import Part, Person
from loadtest.drive.scene import Scenario, Scene
from loadtest.drive.stats import Stats
from loadtest.drive.user import Refused, User
from lumina_rt.dev.engines import die_with_parent

AT_ONCE = 50
"""Connections of one process that are opened at the same time, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process has to know."""

    scenario: Scenario
    people: Sequence[tuple[Person, Part]]
    urls: Sequence[str]
    sources: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Failed:
    """Instead of an answer."""

    why: str


class Worker:
    """Each public method can be asked for by its name."""

    def __init__(self, plan: Plan) -> None:
        self._scene = Scene(plan.scenario)
        self._users = [self._user(plan, person, part) for person, part in plan.people]
        self._pacer = Pacer(self._scene)
        self._process = psutil.Process()
        self._cpu_s = 0.0
        ours = [user for user in self._users if plan.scenario.acts(user.part)]
        random.Random(len(ours)).shuffle(ours)
        self._actors = ours
        self._turn = itertools.cycle(ours)

    async def count(self) -> int:
        """Users who act."""
        return len(self._actors)

    async def connect(self, most: int | None, resume: bool) -> None:
        """Those who are not yet; at most so many."""
        few = asyncio.Semaphore(AT_ONCE)

        async def open_one(user: User) -> None:
            async with few:
                await user.connect(resume=resume)

        async with asyncio.TaskGroup() as tasks:
            for user in itertools.islice(self._users, most):
                if not user.ready:
                    tasks.create_task(open_one(user))

    async def cut(self, role: str | None) -> None:
        for user in self._with(role):
            user.cut()

    async def pace(self, begin: float, rate: float, seconds: float) -> None:
        """At this rate, of this process alone, from that moment on."""
        if self._actors:
            act = self._scene.scenario.act
            await self._pacer.run(act, self._turn, begin, rate, seconds)

    async def all_at_once(self, act: str, role: str | None) -> None:
        """A method of the scenario for each user with the role, all due now."""
        what = getattr(self._scene.scenario, act)
        await self._pacer.at_once(what, self._with(role), time.monotonic())

    async def ping(self) -> None:
        """Answers do not overtake events, so what was queued before has come by then."""
        asked = [user.ask("ping", {}) for user in self._users if user.ready]
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(answer, BaseException) and not isinstance(answer, (Lost, Refused)):
                raise answer

    async def sent(self) -> dict[Key, int]:
        """How many messages of each conversation were acknowledged."""
        return {key: tally.count for key, tally in self._scene.books.sent.items()}

    async def missing(self, sent: Sequence[Mapping[Key, int]]) -> int:
        """How many of those, of all processes, have not come to users who are connected."""
        total: Counter[Key] = Counter()
        for each in sent:
            total.update(each)
        here = {user.person.number for user in self._users if user.ready or user.coming}
        return sum(
            max(total[key] - got.count, 0)
            for (number, key), got in self._scene.books.got.items()
            if number in here
        )

    async def books(self) -> Books:
        return self._scene.books

    async def stats(self) -> Stats:
        """What was counted since the last time."""
        taken = self._scene.take()
        times = self._process.cpu_times()
        taken.cpu_s, self._cpu_s = (
            times.user + times.system - self._cpu_s,
            times.user + times.system,
        )
        return taken

    def _with(self, role: str | None) -> Iterator[User]:
        return (user for user in self._users if role is None or role in user.part)

    def _user(self, plan: Plan, person: Person, part: Part) -> User:
        turned = person.number % len(plan.urls)
        urls = [*plan.urls[turned:], *plan.urls[:turned]]
        source = plan.sources[person.number % len(plan.sources)]
        return plan.scenario.user_class(person, part, urls, source, self._scene)


class Told:
    """The end of the pipe on this side."""

    def __init__(self, pipe: Connection, worker: Worker) -> None:
        self._pipe = pipe
        self._worker = worker
        self._doing: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()

    def listen(self) -> None:
        listen(self._pipe, self._read)

    def _read(self) -> None:
        try:
            number, name, args = self._pipe.recv()
        except EOFError:
            self.over.set()
            return
        task = asyncio.create_task(self._obey(number, name, args))
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _obey(self, number: int, name: str, args: tuple[Any, ...]) -> None:
        try:
            answer = await getattr(self._worker, name)(*args)
        except Exception as error:
            answer = Failed(first_line(error))
        self._pipe.send((number, answer))


def listen(pipe: Connection, read: Callable[[], None]) -> None:
    """Call when something has come. What is large comes in pieces, which a pipe waits for; uvloop
    makes it one that does not."""
    asyncio.get_running_loop().add_reader(pipe.fileno(), read)
    os.set_blocking(pipe.fileno(), True)


def first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]


def work(pipe: Connection, plan: Plan) -> None:
    """The main function of the process."""
    die_with_parent(signal.SIGKILL)()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever has started us ends us
    uvloop.run(_work(pipe, plan))


async def _work(pipe: Connection, plan: Plan) -> None:
    told = Told(pipe, Worker(plan))
    told.listen()
    await told.over.wait()
