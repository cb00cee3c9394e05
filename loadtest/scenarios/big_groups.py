"""Groups with many members, all of them online."""

from __future__ import annotations

import random

from loadtest.drive.backstage import Backstage, chunks
from loadtest.drive.people import Part
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import User
from loadtest.errors import CannotStart

GROUPS = "groups"


class BigGroups(Scenario):
    """Kept messages of 128 bytes to groups, by any of their members: each message goes to all."""

    name = "big_groups"
    unit = "message"
    users = 400
    rate = 20
    options = {"members": Option(200, "Members of each group.", least=2)}

    async def prepare(self, stage: Backstage) -> None:
        groups = chunks(stage.people, self.chosen["members"])
        if not groups:
            raise CannotStart("there are fewer --users than --members")
        for number, members in enumerate(groups, 1):
            with stage.screen.step(f"opening group {number} of {len(groups)}"):
                group_id = await stage.group(members)
            for person in members:
                stage.give(person, GROUPS, [group_id])

    def acts(self, part: Part) -> bool:
        return GROUPS in part

    async def act(self, user: User, at: float) -> None:
        await user.send(random.choice(user.part[GROUPS]), at)
