"""Stories: who has some, what they show, and that they were seen."""

from __future__ import annotations

import random
from uuid import UUID

from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser
from lumina_protocol.stories import CreateStory, ListStories

from loadtest.drive import ledger
from loadtest.drive.backstage import Backstage
from loadtest.drive.people import Person, a_few_at_a_time, patient
from loadtest.drive.run import Run
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import User

TELLERS = "tellers"
FOLLOWS = 10
SEEN = "seen "
MEDIA = """
insert into media_objects
    (media_id, user_id, kind, status, content_type, bytes, sha256, width, height)
values ($1, $2, 'image', 'ready', 'image/jpeg', 1000, sha256(''), 1080, 1920)"""


class Stories(Scenario):
    """A look at the tray, at the stories of somebody in it, and the news that they were seen: three
    requests. In the end a story must count as many views as users have seen it."""

    name = "stories"
    unit = "look"
    users = 100
    rate = 50
    options = {"tellers": Option(20, "Users who have a story.", most=10_000)}

    async def prepare(self, stage: Backstage) -> None:
        tellers = stage.people[: self.chosen["tellers"]]
        media = [(uuid7(), person.user_id) for person in tellers]
        await stage.rows(MEDIA, media)

        async def tell(one: tuple[Person, tuple[UUID, UUID]]) -> None:
            person, (media_id, _) = one
            async with stage.client(person) as client:
                await patient(client, CreateStory(story_id=uuid7(), media_id=media_id))

        async def follow(person: Person) -> None:
            others = [other for other in tellers if other is not person]
            whom = stage.random.sample(others, min(FOLLOWS, len(others)))
            async with stage.client(person) as client:
                for other in whom:
                    await patient(client, FollowUser(op_id=uuid7(), user_id=other.user_id))

        await a_few_at_a_time(zip(tellers, media, strict=True), tell)
        await a_few_at_a_time(stage.people, follow)

    async def act(self, user: User, at: float) -> None:
        tray = (await user.ask("story.tray", {}))["tellers"]
        user.took("to the tray", at)
        others = [one for one in tray if one["author"]["user_id"] != user.person.user_id.bytes]
        if not others:
            return
        author = random.choice(others)["author"]["user_id"]
        shown = (await user.ask("story.of_user", {"user_id": author}))["stories"]
        user.took("to the stories", at)
        if ids := [story["story_id"] for story in shown]:
            await user.ask("story.viewed", {"story_ids": ids})
            for story_id in ids:
                user.note(SEEN + story_id.hex(), 1)

    async def check(self, stage: Backstage, run: Run) -> list[str]:
        notes = ledger.merged(await run.crew.ask("books")).notes
        wrong: list[str] = []

        async def look(person: Person) -> None:
            async with stage.client(person) as client:
                page = await patient(client, ListStories(user_id=person.user_id))
            for story in page.stories:
                seen = sum(what == SEEN + story.story_id.hex for _, what in notes)
                if story.view_count != seen:
                    wrong.append(f"a story has {story.view_count} views, and {seen} have seen it")

        await a_few_at_a_time(stage.people[: self.chosen["tellers"]], look)
        return wrong
