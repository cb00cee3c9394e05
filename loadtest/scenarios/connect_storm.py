"""Everybody comes at once."""

from __future__ import annotations

from loadtest.drive.run import LOAD, Run
from loadtest.drive.scene import Scenario
from loadtest.drive.user import User


class ConnectStorm(Scenario):
    """Users connect, authenticate and resume, so many a second, and stay."""

    name = "connect_storm"
    unit = "connection"
    users = 2000
    rate = 400
    seconds = None
    paced = False

    async def act(self, user: User, at: float) -> None:
        if user.ready:
            user.cut()  # all are there: one of them comes again
        await user.connect()

    async def conduct(self, run: Run) -> None:
        await run.warm()
        everybody = sum(await run.crew.ask("count"))
        async with run.phase(LOAD, f"{run.pace.rate:,.0f} /s", weigh=True):
            await run.at(run.pace.rate, everybody / run.pace.rate)
