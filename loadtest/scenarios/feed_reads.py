"""Home feeds, read page by page."""

from __future__ import annotations

import random

from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser
from lumina_protocol.posts import CreatePost

from loadtest.drive.backstage import Backstage
from loadtest.drive.people import Person, a_few_at_a_time, patient
from loadtest.drive.scene import Option, Scenario
from loadtest.drive.user import User

READS_ON = 0.5
"""How many go on to an older page, where there is one."""
PAGE = 20


class FeedReads(Scenario):
    """Pages of the home feed: the newest, and as often the one behind the last. Users follow some
    of the others, and each has published some posts. A page must be newest first, without any post
    twice."""

    name = "feed_reads"
    unit = "page"
    users = 100
    rate = 100
    options = {
        "follows": Option(10, "Users that each user follows.", most=1000),
        "posts": Option(3, "Posts of each user.", most=1000),
    }

    async def prepare(self, stage: Backstage) -> None:
        async def settle(person: Person) -> None:
            others = [other for other in stage.people if other is not person]
            whom = stage.random.sample(others, min(self.chosen["follows"], len(others)))
            async with stage.client(person) as client:
                for other in whom:
                    await patient(client, FollowUser(op_id=uuid7(), user_id=other.user_id))
                for number in range(self.chosen["posts"]):
                    caption = f"post {number} of {person.name}"
                    await patient(
                        client, CreatePost(post_id=uuid7(), post_type="text", caption=caption)
                    )

        await a_few_at_a_time(stage.people, settle)

    async def act(self, user: User, at: float) -> None:
        before = user.memory.get("next") if random.random() < READS_ON else None
        where = {"before": before} if before else {}
        page = await user.ask("feed.home", {**where, "limit": PAGE})
        user.took("older page" if before else "newest page", at)
        user.memory["next"] = page.get("next")
        ids = [post["post_id"] for post in page["posts"]]
        if ids != sorted(set(ids), reverse=True) or (before and ids and ids[0] >= before):
            user.fault("a page of a feed was not newest first, each post once")
