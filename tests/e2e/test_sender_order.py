"""What one user sends to a conversation is kept in the order in which it was given to the SDK."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.messages import ReadHistory

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.e2e.test_resume import cut
from tests.gateway.unharmed import database_held
from tests.house import PASSWORD, nodes, open_conversation, register, user

COUNT = 30


async def kept(client: Client, talk: UUID) -> list[str]:
    page = await client.call(ReadHistory(conversation_id=talk, limit=200))
    return [message.content for message in page.messages]


def give(client: Client, talk: UUID) -> list[asyncio.Task[object]]:
    """All at once; the SDK is to keep the order."""
    return [asyncio.create_task(client.send(talk, str(i))) for i in range(COUNT)]


async def test_also_when_there_is_a_limit(settings: Settings) -> None:
    slow = {"requests_burst": 8, "requests_per_s": 100}
    async with nodes(settings, 1, **slow) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            await asyncio.gather(*give(alice, talk))
        async with user(node, "bob") as bob:
            assert await kept(bob, talk) == [str(i) for i in range(COUNT)]


async def test_also_when_the_connection_breaks_again_and_again(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        urls = [one.url, two.url]
        async with Client(urls, username="alice", password=PASSWORD) as alice:
            talk = await open_conversation(alice, "bob")
            sending = give(alice, talk)
            for number, task in enumerate(sending):
                await task
                if number % 7 == 3:
                    cut(one)
                    cut(two)
            assert await kept(alice, talk) == [str(i) for i in range(COUNT)]


async def test_also_when_one_is_refused_for_now_or_for_good(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            first = asyncio.create_task(alice.send(talk, "0"))
            taken = (await first).message_id
            async with database_held(node):  # what is sent now waits, or is told to wait
                sending = give(alice, talk)
                other = asyncio.create_task(alice.send(talk, "other", message_id=taken))
                last = asyncio.create_task(alice.send(talk, "the last"))
            await asyncio.gather(*sending)
            with pytest.raises(LuminaError, match="conflict"):
                await other
            await last
            said = await kept(alice, talk)
    assert said == ["0", *(str(i) for i in range(COUNT)), "the last"]
