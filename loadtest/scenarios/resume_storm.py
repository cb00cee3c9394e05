"""Everybody was away, and comes back in the same moment."""

from __future__ import annotations

import asyncio

from loadtest.drive.backstage import Backstage, chunks
from loadtest.drive.people import Part
from loadtest.drive.run import LOAD, Run
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import Refused, User
from loadtest.errors import CannotStart
from lumina_rt.client.backoff import delays

WRITES, AWAY = "writes", "away"
GROUP = 50
LOGIN = "login"
"""The phase beside which LOAD is to be seen."""


class ResumeStorm(Scenario):
    """Users are cut off, messages are sent to their groups, and then all of them connect and resume
    at once: none may be lost, none told twice. Beside it, the same users log in anew, with their
    passwords, all at once."""

    name = "resume_storm"
    unit = "resume"
    users = 1020
    rate = 200
    rated = "messages that are missed"
    seconds = None
    paced = False
    options = {"missed": Option(20, "Messages that each of them has missed.", most=400)}

    async def prepare(self, stage: Backstage) -> None:
        size = min(GROUP + 1, len(stage.people))
        if size < 2:
            raise CannotStart("needs two --users or more")
        for members in chunks(stage.people, size):
            group_id = await stage.group(members)
            stage.give(members[0], WRITES, [group_id])
            for person in members[1:]:
                stage.give(person, AWAY, [group_id])

    def acts(self, part: Part) -> bool:
        return WRITES in part

    async def act(self, user: User, at: float) -> None:
        await user.send(user.part[WRITES][0], at)

    async def resume(self, user: User, at: float) -> None:
        await self._come(user, login=False)
        user.took("to the end of a resume", at)

    async def log_in(self, user: User, at: float) -> None:
        await self._come(user, login=True)
        user.took("to the end of a login", at)

    async def _come(self, user: User, *, login: bool) -> None:
        """Again and again, while the server says that it has too much to do."""
        for delay in delays():
            try:
                return await user.connect(resume=not login, login=login)
            except Refused as refused:
                user.cut()
                if not refused.temporary:
                    raise
                user.count(f"told to wait: {refused.code}")
                await asyncio.sleep(refused.retry_after_s + delay)
        raise AssertionError("delays do not end")

    async def conduct(self, run: Run) -> None:
        await run.connect()
        await run.cut(AWAY)
        writers = sum(await run.crew.ask("count"))
        async with run.phase("talk"):
            await run.at(run.pace.rate, writers * self.chosen["missed"] / run.pace.rate)
        async with run.phase(LOAD, "all at once"):
            await run.everyone("resume", AWAY)
        await run.rest()
        await run.cut(AWAY)
        async with run.phase(LOGIN, "all at once"):
            await run.everyone("log_in", AWAY)
