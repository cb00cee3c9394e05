"""A node dies without a word: who was connected to it is offline, unless they are elsewhere too."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from lumina_protocol.presence import PresenceChanged, WatchPresence

from lumina_rt.client import Client
from lumina_rt.dev.nodes import NodeProcess
from tests.e2e.test_two_nodes import environment, kill, two, user

__all__ = ["environment", "two"]


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


@pytest.mark.timeout(100)
async def test_who_is_on_another_node_too_stays_online_when_one_dies(
    two: list[NodeProcess],
) -> None:
    async with (
        await user(two[0], "alice") as alice,
        await user(two[1], "bob") as bob,
        await user(two[1], "carol") as carol,
        Client(two[0].url, token=carol.token),
    ):
        group = CreateGroup(conversation_id=uuid7(), title="All", usernames=["bob", "carol"])
        await alice.call(group)
        names = {id_of(bob): "bob", id_of(carol): "carol"}
        heard: list[tuple[str, str]] = []
        with alice.inbox() as inbox:
            asked = WatchPresence(user_ids=list(names))
            first = (await alice.call(asked)).users
            state = {names[each.user_id]: each.state for each in first}
            async with asyncio.timeout(60):
                killed = False
                while not killed or state["bob"] != "offline":
                    if not killed and set(state.values()) == {"online"}:
                        kill(two[1])
                        killed = True
                        heard.clear()
                    news = await anext(aiter(inbox))
                    if isinstance(news, PresenceChanged):
                        state[names[news.user_id]] = news.state
                        heard.append((names[news.user_id], news.state))
        assert heard == [("bob", "offline")]
        assert state == {"bob": "offline", "carol": "online"}
