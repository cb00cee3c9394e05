"""An open loop: operations begin when they are due, whether or not those before have ended.

What is measured begins at the moment at which it was due, not at the one at which it was sent, so
that a server that stands still for a second is seen by all who would have come in that second ("no
coordinated omission": Gil Tene, wrk2). A closed loop would have waited politely, and seen one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator

from loadtest.drive.line import Lost
from loadtest.drive.scene import Scene
from loadtest.drive.stats import DONE
from loadtest.drive.user import Refused, User

MOST_UNDER_WAY = 20_000
"""In one process. What is due beyond that is not begun, and counts as an error: the server is too
far behind for a longer queue to tell more."""
ANSWER_S = 30
Act = Callable[[User, float], Awaitable[None]]


class Pacer:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._under_way: set[asyncio.Task[None]] = set()
        self.failure: Exception | None = None

    async def run(
        self, act: Act, users: Iterator[User], begin: float, rate: float, seconds: float
    ) -> None:
        """Operation k is due at begin + k / rate. The loop's timers have steps of 1 ms, by which
        it may be late; that is in what is measured. Returns when all have ended.

        Raises what an operation has raised, other than Refused, Lost and OSError.
        """
        total, begun = round(rate * seconds), 0
        while begun < total and not self.failure:
            due = min(math.floor((time.monotonic() - begin) * rate) + 1, total)
            while begun < due:
                self._start(act, next(users), begin + begun / rate)
                begun += 1
            await asyncio.sleep(max(begin + begun / rate - time.monotonic(), 0))
        await self.settle()

    async def at_once(self, act: Act, users: Iterator[User], at: float) -> None:
        """One for each of the users, all due now. Returns and raises as `run`."""
        for user in users:
            self._start(act, user, at)
        await self.settle()

    async def settle(self) -> None:
        """Wait for what is under way; what takes longer than 30 s is given up, as an error."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=ANSWER_S)
            for task in late:
                task.cancel()
                self._scene.stats.errors[f"no answer in {ANSWER_S} s"] += 1
        if self.failure:
            raise self.failure

    def _start(self, act: Act, user: User, at: float) -> None:
        if len(self._under_way) >= MOST_UNDER_WAY:
            self._scene.stats.errors["not begun: too many under way"] += 1
            return
        task = asyncio.create_task(self._act(act, user, at))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _act(self, act: Act, user: User, at: float) -> None:
        try:
            await act(user, at)
        except Refused as refused:
            self._scene.stats.errors[refused.code] += 1
        except (Lost, OSError) as error:  # TimeoutError is one
            self._scene.stats.errors[f"connection: {error or type(error).__name__}"] += 1
        except Exception as error:
            self.failure = self.failure or error
        else:
            self._scene.stats.took(DONE, at)
