"""Nodes are replaced one after the other, while people talk."""

from __future__ import annotations

import asyncio

from loadtest.drive.run import LOAD, Run
from loadtest.errors import CannotStart
from loadtest.scenarios.direct_chat import DirectChat

CALM = 0.15
"""This part of the time passes before the first node, and between two."""


class RollingRestart(DirectChat):
    """Direct chat on two nodes. One after the other is drained and started again; users reconnect
    to the other one, resume, and send again what was not acknowledged. Nothing may be lost, doubled
    or out of order."""

    name = "rolling_restart"
    users = 100
    rate = 50
    paced = False
    nodes = 2
    keeps = True

    async def conduct(self, run: Run) -> None:
        if not run.target.nodes:
            raise CannotStart("needs nodes that it starts itself: leave out --url")
        await run.connect()
        async with run.phase(LOAD, f"{run.pace.rate:,.0f} /s"):
            talking = asyncio.create_task(run.at(run.pace.rate, run.pace.seconds))
            for number in range(len(run.target.nodes)):
                await asyncio.sleep(run.pace.seconds * CALM)  # as an operator waits between two
                run.live.phase = f"restarting node {number + 1}"
                await run.target.restart(number)
                run.live.phase = "both nodes"
            await talking
