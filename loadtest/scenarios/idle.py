"""Connections that say nothing."""

from __future__ import annotations

import asyncio

from loadtest.drive.run import LOAD, Run
from loadtest.drive.scene import Scenario
from loadtest.drive.user import User


class Idle(Scenario):
    """Connections that are authenticated, and then silent: their memory, and what it takes to keep
    them. The server must not end one of them."""

    name = "idle"
    unit = "operation"
    users = 2000
    rate = None
    paced = False

    async def act(self, user: User, at: float) -> None:
        raise AssertionError("nobody does anything")

    async def conduct(self, run: Run) -> None:
        await run.connect(resume=False)
        async with run.phase(LOAD, "silent"):
            await asyncio.sleep(run.pace.seconds)  # what is measured is this time
