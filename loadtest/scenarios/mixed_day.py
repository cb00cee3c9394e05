"""A bit of everything, in about the shares of a social app."""

from __future__ import annotations

import random
from collections.abc import Mapping

from lumina_protocol.fields import uuid7

from loadtest.drive.backstage import Backstage
from loadtest.drive.pacer import Act
from loadtest.drive.people import CONVERSATIONS
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import User
from loadtest.scenarios.big_groups import GROUPS, BigGroups
from loadtest.scenarios.direct_chat import CHATS, DirectChat
from loadtest.scenarios.feed_reads import FeedReads
from loadtest.scenarios.reactions import Reactions
from loadtest.scenarios.stories import Stories

SHARES = {
    "message": 30, "group message": 8, "typing": 10, "history": 12, "read": 10, "feed": 12,
    "reaction": 6, "stories": 6, "list": 4, "post": 2,
}  # fmt: skip
"""Of a hundred operations."""


class MixedDay(Scenario):
    """Messages of two and in groups, typing, history, receipts, feeds, reactions, stories and
    posts, in the shares that the README names. Each kind has delays of its own in the report."""

    name = "mixed_day"
    unit = "operation"
    users = 200
    rate = 100
    options = {"members": Option(50, "Members of each group.", least=2)}

    def __init__(self, chosen: Mapping[str, int]) -> None:
        super().__init__(chosen)
        self._feeds, self._reactions, self._stories = FeedReads({}), Reactions({}), Stories({})
        self._acts: dict[str, Act] = {
            "message": self._message, "group message": self._group_message,
            "typing": self._typing, "history": self._history, "read": self._read,
            "feed": self._feeds.act, "reaction": self._reactions.act,
            "stories": self._stories.act, "list": self._list, "post": self._post,
        }  # fmt: skip

    async def prepare(self, stage: Backstage) -> None:
        members = min(self.chosen["members"], len(stage.people))
        parts: list[Scenario] = [
            DirectChat({}), BigGroups({"members": members}), self._feeds, self._reactions,
        ]  # fmt: skip
        if stage.target.database_url:  # stories need media, for which there is no operation yet
            parts.append(self._stories)
        for part in parts:
            with stage.screen.step(f"preparing {part.name}"):
                await part.prepare(stage)

    async def act(self, user: User, at: float) -> None:
        (kind,) = random.choices(list(SHARES), list(SHARES.values()))
        await self._acts[kind](user, at)
        user.took(kind, at)

    async def _message(self, user: User, at: float) -> None:
        await user.send(random.choice(user.part.get(CHATS) or user.part[CONVERSATIONS]), at)

    async def _group_message(self, user: User, at: float) -> None:
        await user.send(random.choice(user.part.get(GROUPS) or user.part[CONVERSATIONS]), at)

    async def _typing(self, user: User, at: float) -> None:
        await user.ask("conversation.typing", {"conversation_id": self._somewhere(user)})

    async def _history(self, user: User, at: float) -> None:
        await user.ask("message.history", {"conversation_id": self._somewhere(user)})

    async def _read(self, user: User, at: float) -> None:
        where = self._somewhere(user)
        page = await user.ask("message.history", {"conversation_id": where, "limit": 1})
        body = {"conversation_id": where, "seq": page["last_seq"]}
        await user.ask("conversation.read", body)

    async def _list(self, user: User, at: float) -> None:
        await user.ask("conversation.list", {})

    async def _post(self, user: User, at: float) -> None:
        body = {"post_id": uuid7(), "post_type": "text", "caption": "a day like any other"}
        await user.ask("post.create", body)

    def _somewhere(self, user: User) -> object:
        return random.choice(user.part[CONVERSATIONS])
