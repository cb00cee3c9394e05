"""Conversations of two."""

from __future__ import annotations

from loadtest.drive.backstage import Backstage
from loadtest.drive.people import Part
from loadtest.drive.scene import Scenario
from loadtest.drive.user import User

CHATS = "chats"


class DirectChat(Scenario):
    """Kept messages of 128 bytes, each to one other user who is online: half of the users write to
    the other half."""

    name = "direct_chat"
    unit = "message"
    users = 200
    rate = 200

    async def prepare(self, stage: Backstage) -> None:
        half = len(stage.people) // 2
        pairs = zip(stage.people[:half], stage.people[half:], strict=False)
        await stage.direct(pairs, CHATS)

    def acts(self, part: Part) -> bool:
        return CHATS in part

    async def act(self, user: User, at: float) -> None:
        await user.send(user.part[CHATS][0], at)
