"""Who is notified: of what they may see, by nobody across a block, and no longer than that."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
from lumina_protocol.notifications import ListNotifications

from lumina_rt.config import Settings
from lumina_rt.notifying import Cause, look_again, notify
from tests.access.people import POSTS
from tests.access.table import cells
from tests.access.test_matrix import SEES, House, house
from tests.workers.rows import database

__all__ = ["house"]
# By what they are to self: whether self hears of what they do.
HEARD_OF = """
who           heard
stranger      yes
follower      yes
followed      yes
friend        yes
close_friend  yes
named_close   yes
in_audience   yes
blocked       -
blocker       -
staff         yes
"""


async def drained(pg: asyncpg.Connection) -> None:
    async with asyncio.timeout(15):
        while await pg.fetchval("select count(*) from notification_causes"):
            await asyncio.sleep(0.05)


async def keys(house: House, who: str) -> set[str]:
    groups = (await house.clients[who].call(ListNotifications())).groups
    return {group.group_key for group in groups}


async def test_of_a_post_is_notified_who_may_see_it_as_long_as_that(
    house: House, settings: Settings
) -> None:
    owner, everybody = house.ids["self"], list(house.ids.values())
    found = await house.pg.fetch("select visibility, post_id from posts where user_id = $1", owner)
    posts: dict[str, UUID] = {row["visibility"]: row["post_id"] for row in found}
    async with database(settings) as db:
        async with db.tx() as tx:
            for shown_to, post_id in posts.items():
                made = Cause("mention", everybody, shown_to, "named you", owner, post_id=post_id)
                await notify(tx, made)
        await drained(house.pg)
        wrong = []
        for cell in cells(SEES["open"]):
            if cell.column in POSTS and cell.row != "self":
                is_told = cell.column in await keys(house, cell.row)
                if is_told is not (cell.says == "yes"):
                    wrong.append(cell)
        assert wrong == []
        assert await keys(house, "self") == set()
        await house.pg.execute("update posts set visibility = 'private', audience_id = null")
        async with db.tx() as tx:
            for post_id in posts.values():
                await look_again(tx, post_id=post_id)
        await drained(house.pg)
    assert {who: await keys(house, who) for who in house.clients} == {
        who: set() for who in house.clients
    }


async def test_nobody_hears_of_what_the_other_side_of_a_block_does(
    house: House, settings: Settings
) -> None:
    asked = list(cells(HEARD_OF))
    async with database(settings) as db, db.tx() as tx:
        for cell in asked:
            actor = house.ids[cell.row]
            key = f"follow:{cell.row}"
            await notify(tx, Cause("follow", [house.ids["self"]], key, "did", actor_id=actor))
    await drained(house.pg)
    heard = await keys(house, "self")
    assert heard == {f"follow:{cell.row}" for cell in asked if cell.says == "yes"}
