"""Who has reached so many is told so, once."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser, UnfollowUser
from lumina_protocol.notifications import NotificationChanged
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Inbox
from lumina_rt.config import Settings
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, register, user
from tests.oracle import oracle
from tests.workers import rows

WITHIN_S = 15


async def reached(inbox: Inbox) -> NotificationChanged:
    async with asyncio.timeout(WITHIN_S):
        async for news in inbox:
            if isinstance(news, NotificationChanged) and news.group.type == "milestone":
                return news
    raise AssertionError("an inbox does not end")


async def react(pg: asyncpg.Connection, post_id: UUID, times: int) -> None:
    for _ in range(times):
        who = await rows.user(pg)
        await rows.add(pg, "reactions", post_id=post_id, user_id=who, reaction_type="curious")


async def follow(pg: asyncpg.Connection, user_id: UUID, times: int) -> None:
    for _ in range(times):
        who = await rows.user(pg)
        await rows.add(pg, "follows", follower_id=who, following_id=user_id)


async def test_who_has_ten_followers_is_told_on_all_devices(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            await follow(pg, id_of(alice), 9)
            async with oracle(alice):
                with alice.inbox() as inbox:
                    await bob.call(FollowUser(user_id=id_of(alice), op_id=uuid7()))
                    news = await reached(inbox)
                assert news.group.group_key == "milestone:followers:10"
                assert news.group.title == "10 people follow you"


async def told(pg: asyncpg.Connection) -> list[str]:
    found = await pg.fetch(
        "select group_key from notification_causes where notification_type = 'milestone'"
    )
    return sorted(row["group_key"].rpartition(":")[2] for row in found)


async def test_a_post_reaches_the_highest_that_it_has_passed(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    post_id = await rows.post(pg, await rows.user(pg))
    async with rows.database(settings) as db:
        for times, expected in ((9, []), (1, ["10"]), (30, ["10"]), (75, ["10", "100"])):
            await react(pg, post_id, times)
            await rows.fold(db)
            assert await told(pg) == expected


async def test_who_falls_back_and_comes_again_is_told_once_and_who_wants_no_numbers_never(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (one,):
        await register(one, "alice", "bob", "carol")
        async with (
            user(one, "alice") as alice,
            user(one, "bob") as bob,
            user(one, "carol") as carol,
        ):
            hidden = ChangeSettings.model_validate({"op_id": uuid7(), "hide_metrics": True})
            await carol.call(hidden)
            for target in (alice, carol):
                await follow(pg, id_of(target), 9)
            with alice.inbox() as inbox:
                for target in (carol, alice):
                    await bob.call(FollowUser(user_id=id_of(target), op_id=uuid7()))
                await reached(inbox)
            for ask in (UnfollowUser, FollowUser):
                await bob.call(ask(user_id=id_of(alice), op_id=uuid7()))
                async with rows.database(settings) as db:
                    await rows.fold(db)
            assert await told(pg) == []
            groups = "select user_id from notification_groups where notification_type = 'milestone'"
            assert [row[0] for row in await pg.fetch(groups)] == [id_of(alice)]
