"""A node dies without a word: who was connected to it is offline, unless they are elsewhere too."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from lumina_protocol.presence import PresenceChanged, SetPresence, WatchPresence
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Client, Inbox
from lumina_rt.dev.nodes import NodeProcess
from tests.e2e.test_two_nodes import environment, kill, two, user

__all__ = ["environment", "two"]


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def heard_of(inbox: Inbox, user_id: UUID, state: str) -> list[PresenceChanged]:
    """What was told up to that this user is so."""
    heard: list[PresenceChanged] = []
    async with asyncio.timeout(60):
        async for news in inbox:
            if isinstance(news, PresenceChanged):
                heard.append(news)
                if (news.user_id, news.state) == (user_id, state):
                    return heard
    raise AssertionError("an inbox does not end")


async def watch(client: Client, *users: UUID) -> None:
    """Until all of them are online."""
    with client.inbox() as inbox:
        told = (await client.call(WatchPresence(user_ids=list(users)))).users
        missing = {each.user_id for each in told if each.state != "online"}
        while missing:
            (*_, last) = await heard_of(inbox, next(iter(missing)), "online")
            missing.discard(last.user_id)


@pytest.mark.timeout(100)
async def test_who_is_on_another_node_too_stays_online_when_one_dies(
    two: list[NodeProcess], pg: asyncpg.Connection
) -> None:
    """The others were last seen about then, unless they do not show it; and who watches from the
    dead node watches on from the other one."""
    async with (
        await user(two[0], "alice") as alice,
        await user(two[1], "bob") as bob,
        await user(two[1], "carol") as carol,
        await user(two[1], "dave") as dave,
        await user(two[1], "erin") as erin,
        Client(two[0].url, token=carol.token),
        Client([two[1].url, two[0].url], token=alice.token) as moving,
    ):
        names = ["bob", "carol", "dave", "erin"]
        group = CreateGroup(conversation_id=uuid7(), title="All", usernames=names)
        await alice.call(group)
        await dave.call(SetPresence(op_id=uuid7(), invisible=True))
        await erin.call(ChangeSettings(op_id=uuid7(), show_activity_status=False))
        await watch(alice, id_of(bob), id_of(carol))
        await watch(moving, id_of(bob), id_of(carol))
        with alice.inbox() as inbox, moving.inbox() as moved:
            killed_ms = int(time.time() * 1000)
            kill(two[1])
            heard = await heard_of(inbox, id_of(bob), "offline")
            assert [each.user_id for each in heard] == [id_of(bob)]
            last_seen_ms = heard[0].last_seen_at
            assert last_seen_ms is not None
            assert killed_ms - 3000 < last_seen_ms < killed_ms + 1000
            assert await heard_of(moved, id_of(bob), "offline") == heard
    rows = await pg.fetch(
        "select username, last_seen_at from user_settings join users using (user_id)"
        " where username in ('bob', 'dave', 'erin') order by username"
    )
    assert [row["last_seen_at"] is not None for row in rows] == [True, False, False]
