"""The processes that the users live in, from the side of who conducts them."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from loadtest.drive.people import Part, Person
from loadtest.drive.scene import Scenario
from loadtest.drive.worker import Failed, Plan, listen, work
from loadtest.errors import Broken

STOP_TIMEOUT_S = 5


class Hand:
    """One process."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self._process = process
        self._pipe = pipe
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        listen(pipe, self._read)

    async def ask(self, name: str, *args: object) -> Any:
        """What Worker's method of this name returns. Raises Broken."""
        number = next(self._numbers)
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        self._pipe.send((number, name, args))
        answer = await asked
        if isinstance(answer, Failed):
            raise Broken(answer.why)
        return answer

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._pipe.close()
        self._process.join(STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _read(self) -> None:
        try:
            number, answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            number, answer = 0, None
        if number:
            asked = self._asked.pop(number)
            if not asked.done():  # cancelled meanwhile
                asked.set_result(answer)
            return
        self._process.join(STOP_TIMEOUT_S)
        why = f"a process of users has ended with {self._process.exitcode}, see above"
        for asked in self._asked.values():
            if not asked.done():
                asked.set_result(Failed(why))


class Crew:
    def __init__(self, hands: Sequence[Hand]) -> None:
        self.hands = hands

    async def ask(self, name: str, *args: object) -> list[Any]:
        """The answers of all processes. Raises Broken."""
        return await self.ask_each(name, [args] * len(self.hands))

    async def ask_each(self, name: str, args: Sequence[Sequence[object]]) -> list[Any]:
        """With arguments of its own for each process."""
        asked = [hand.ask(name, *own) for hand, own in zip(self.hands, args, strict=True)]
        return await asyncio.gather(*asked)


@asynccontextmanager
async def crew(
    scenario: Scenario,
    cast: Sequence[tuple[Person, Part]],
    urls: Sequence[str],
    sources: Sequence[str | None],
    processes: int,
) -> AsyncIterator[Crew]:
    """The users are dealt to so many processes, which end with the block. To be entered in the
    main thread: the kernel ends them with the thread that has started them."""
    # A plain fork would inherit the event loop; this one has imported what is needed, once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["loadtest.scenarios"])
    hands: list[Hand] = []
    try:
        for number in range(processes):
            own = cast[number::processes]
            plan = Plan(scenario, own, urls, sources)
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, plan), daemon=True)
            process.start()
            theirs.close()
            hands.append(Hand(process, ours))
        yield Crew(hands)
    finally:
        for hand in hands:
            hand.stop()
