"""One post, to which everybody reacts."""

from __future__ import annotations

import asyncio
import random
import time
from typing import get_args

from lumina_protocol.fields import uuid7
from lumina_protocol.posts import CreatePost, GetPost
from lumina_protocol.reactions import Mood

from loadtest.drive import ledger
from loadtest.drive.backstage import Backstage
from loadtest.drive.people import patient
from loadtest.drive.run import Run
from loadtest.drive.scene import Scenario
from loadtest.drive.user import Body, User

POST = "post"
REACTED, TOLD = "reacted", "told"
STATE = "to the next state of the post"
SETTLE_S = 10
LOOK_EVERY_S = 0.2


class Reactions(Scenario):
    """All users watch one post and react to it, again and again, each with one mood. In the end
    the post, and what every watcher was told last, must have as many reactions as users reacted."""

    name = "reactions"
    unit = "reaction"
    users = 200
    rate = 100

    async def prepare(self, stage: Backstage) -> None:
        post_id = uuid7()
        async with stage.client(stage.people[0]) as author:
            await patient(
                author, CreatePost(post_id=post_id, post_type="text", caption="load test")
            )
        for person in stage.people:
            stage.give(person, POST, [post_id])

    async def act(self, user: User, at: float) -> None:
        mood = random.choice(get_args(Mood))
        body = {"op_id": uuid7(), "post_id": user.part[POST][0], "mood": mood}
        user.memory.setdefault(REACTED, at)
        await user.ask("reaction.set", body)
        user.note(REACTED, 1)

    async def watch(self, user: User, at: float) -> None:
        body = {"subject_type": "post", "subject_id": user.part[POST][0]}
        self._told(user, (await user.ask("watch", body))["post"])

    def took(self, user: User, kind: str, body: Body) -> None:
        if kind == "post.state":
            if since := user.memory.pop(REACTED, None):
                user.took(STATE, since)
            self._told(user, body)

    async def conduct(self, run: Run) -> None:
        await run.connect()
        await run.everyone("watch", POST)
        await run.paced()

    async def check(self, stage: Backstage, run: Run) -> list[str]:
        post_id = stage.parts[0][POST][0]
        async with stage.client(stage.people[0]) as author:
            until = time.monotonic() + SETTLE_S
            while True:
                post = (await patient(author, GetPost(post_id=post_id))).post
                notes = ledger.merged(await run.crew.ask("books")).notes
                found = self._compare(sum((post.reactions or {}).values()), notes)
                if not found or time.monotonic() > until:
                    return found
                await asyncio.sleep(LOOK_EVERY_S)  # states are told a few times a second

    def _compare(self, of_post: int, notes: dict[tuple[int, str], int]) -> list[str]:
        reacted = sum(what == REACTED for _, what in notes)
        told = [value for (_, what), value in notes.items() if what == TOLD]
        behind = sum(value != reacted for value in told)
        found = []
        if of_post != reacted:
            found.append(f"the post has {of_post} reactions, and {reacted} users reacted")
        if behind:
            found.append(f"{behind} of {len(told)} watchers were last told another number")
        return found

    def _told(self, user: User, state: Body) -> None:
        user.note(TOLD, sum((state.get("reactions") or {}).values()))
