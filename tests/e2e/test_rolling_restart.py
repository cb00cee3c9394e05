"""A new version comes: one node after another is stopped and started, while everybody talks."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from lumina_protocol.messages import ReadHistory

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.e2e.balancer import Balancer
from tests.gateway.running import Running
from tests.house import PASSWORD, message, open_conversation, register

NODES = 3
PAIRS = [("alice", "bob"), ("carol", "dave"), ("erin", "frank")]
pytestmark = pytest.mark.timeout(60)


class Talker:
    """Says one thing after another, several at once, until told to stop."""

    def __init__(self, client: Client, talk: UUID) -> None:
        self.client, self.talk = client, talk
        self.stopped = False
        self.seqs: dict[UUID, int] = {}
        """Of what was acknowledged."""

    async def run(self) -> None:
        while not self.stopped:
            said = message(self.talk, f"{self.client.username} {len(self.seqs)}")
            self.seqs[said.message_id] = (await self.client.call(said)).seq

    async def more(self, count: int = 10) -> None:
        """Wait until this has been acknowledged too."""
        wanted = len(self.seqs) + count
        async with asyncio.timeout(20):
            while len(self.seqs) < wanted:
                await asyncio.sleep(0.01)


async def kept(client: Client, talk: UUID) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    while True:
        asked = ReadHistory(conversation_id=talk, after_seq=len(found), limit=200)
        page = await client.call(asked)
        if not page.messages:
            return found
        assert not found.keys() & {m.message_id for m in page.messages}, "kept twice"
        found |= {m.message_id: m.seq for m in page.messages}


async def test_a_rolling_restart_loses_and_doubles_nothing(settings: Settings) -> None:
    """Each person has several things under way, on whichever node is theirs just then."""
    changes = {"requests_burst": 100_000, "drain_spread_s": 0.2}
    running = [Running(settings, **changes) for _ in range(NODES)]
    async with AsyncExitStack() as last, Balancer() as balancer, AsyncExitStack() as stack:
        for node in running:
            balancer.nodes.append(await node.__aenter__())
        await register(balancer.nodes[0], *(name for pair in PAIRS for name in pair))
        talkers: list[Talker] = []
        for pair in PAIRS:
            clients = [await stack.enter_async_context(person(balancer, name)) for name in pair]
            talk = await open_conversation(clients[0], pair[1])
            talkers += [Talker(client, talk) for client in clients for _ in range(3)]
        async with asyncio.TaskGroup() as tasks:
            for talker in talkers:
                tasks.create_task(talker.run())
            for old in running:
                await asyncio.gather(*(talker.more() for talker in talkers))
                old.stop()
                await old.stopped()
                new = Running(settings, **changes)
                balancer.nodes[running.index(old)] = await new.__aenter__()
                last.push_async_exit(new)
            await asyncio.gather(*(talker.more() for talker in talkers))
            for talker in talkers:
                talker.stopped = True
        for talker in talkers:
            await check(talker, [other for other in talkers if other.talk == talker.talk])


def person(balancer: Balancer, username: str) -> Client:
    return Client(balancer.url, username=username, password=PASSWORD)


async def check(talker: Talker, of_the_talk: list[Talker]) -> None:
    assert talker.client.connected
    history = await kept(talker.client, talker.talk)
    assert sorted(history.values()) == list(range(1, len(history) + 1))
    assert talker.seqs.items() <= history.items(), "nothing acknowledged is lost"
    assert len(history) == sum(len(each.seqs) for each in of_the_talk), "nothing is doubled"
