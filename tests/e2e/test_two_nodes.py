"""Nodes as processes of their own, killed and started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.accounts import Register
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, SendMessage

from lumina_rt.client import Client, Connected, Interrupted, follow
from lumina_rt.config import Settings
from lumina_rt.dev.nodes import NodeProcess
from tests.cli.command import free_ports
from tests.house import LOOSE, PASSWORD, open_conversation, say

HOST = "127.0.0.1"
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return {
        "LUMINA_DATABASE_URL": settings.database_url,
        "LUMINA_REDIS_URL": settings.redis_url,
        "LUMINA_REDIS_PREFIX": settings.redis_prefix,
        "LUMINA_SECRET": settings.secret.get_secret_value(),
        "LUMINA_BLOB_DIR": str(settings.blob_dir),
        "LUMINA_ENVIRONMENT": "development",
        "LUMINA_PASSWORD_ROUNDS": "4",
        "LUMINA_REQUESTS_BURST": "1000",
        **{f"LUMINA_{name.upper()}": rate for name, rate in LOOSE.items()},
        "LUMINA_DRAIN_WAIT_S": "0",
        "LUMINA_DRAIN_SPREAD_S": "0",
    }


@pytest.fixture
def two(environment: dict[str, str]) -> Iterator[list[NodeProcess]]:
    ports = free_ports(4)
    with ExitStack() as stack:
        running = []
        for number in range(2):
            own = {**environment, "LUMINA_NODE": f"node{number + 1}"}
            node = NodeProcess(HOST, ports[number], ports[number + 2], own)
            stack.callback(kill, node)
            running.append(node)
        for node in running:
            node.wait_until_ready()
        yield running


def kill(node: NodeProcess) -> None:
    node.process.kill()
    node.process.wait()


def start_again(node: NodeProcess, environment: dict[str, str]) -> NodeProcess:
    again = NodeProcess(HOST, node.port, node.private_port, environment)
    again.wait_until_ready()
    return again


async def user(node: NodeProcess, username: str) -> Client:
    async with Client(node.url) as stranger:
        made = await stranger.call(Register(username=username, password=PASSWORD))
    return Client(node.url, token=made.token)


async def take(client: Client, conversation: UUID, count: int) -> list[Message]:
    """The first `count` messages of a conversation, also those said before the reading began."""
    taken: list[Message] = []
    async for message in follow(client, conversation, history=200):
        taken.append(message)
        if len(taken) == count:
            break
    return taken


async def test_a_talk_across_two_nodes_arrives_once_and_in_order_and_is_kept(
    two: list[NodeProcess], pg: asyncpg.Connection
) -> None:
    async with await user(two[0], "alice") as alice, await user(two[1], "bob") as bob:
        conversation = await open_conversation(alice, "bob")
        async with asyncio.TaskGroup() as tasks:
            seen = [tasks.create_task(take(client, conversation, 100)) for client in (alice, bob)]
            for i in range(50):
                tasks.create_task(say(alice, conversation, f"alice {i}"))
                tasks.create_task(say(bob, conversation, f"bob {i}"))
    kept = await pg.fetch("select seq, content from messages order by seq")
    assert [row["seq"] for row in kept] == list(range(1, 101))
    for task in seen:
        assert [(m.seq, m.content) for m in task.result()] == [tuple(row) for row in kept]


async def test_what_was_said_while_a_node_was_dead_is_caught_up(
    two: list[NodeProcess], environment: dict[str, str], pg: asyncpg.Connection
) -> None:
    async with await user(two[0], "alice") as alice, await user(two[1], "bob") as bob:
        conversation = await open_conversation(alice, "bob")
        with bob.inbox() as inbox:
            reading = asyncio.create_task(take(bob, conversation, 30))
            for i in range(10):
                await say(alice, conversation, str(i))
            kill(two[1])
            async for news in inbox:
                if isinstance(news, Interrupted):
                    break
            for i in range(10, 20):
                await say(alice, conversation, str(i))
            again = await asyncio.to_thread(start_again, two[1], environment)
            try:
                async for news in inbox:
                    if isinstance(news, Connected):
                        break
                for i in range(20, 30):
                    await say(alice, conversation, str(i))
                taken = await reading
            finally:
                kill(again)
    assert [message.content for message in taken] == [str(i) for i in range(30)]
    assert await pg.fetchval("select count(*) from messages") == 30


async def test_no_acknowledged_message_is_lost_when_its_node_is_killed(
    two: list[NodeProcess], environment: dict[str, str], pg: asyncpg.Connection
) -> None:
    """The SDK sends again, with the same ids, what had no answer: nothing is doubled either."""
    async with await user(two[0], "alice") as alice:
        async with await user(two[1], "bob"):
            conversation = await open_conversation(alice, "bob")
        requests = [
            SendMessage(conversation_id=conversation, message_id=uuid7(), content=str(i))
            for i in range(200)
        ]
        first = asyncio.Event()

        async def send(request: SendMessage) -> int:
            sent = await alice.call(request, timeout_s=40)
            first.set()
            return sent.seq

        sending = asyncio.gather(*(send(request) for request in requests))
        await first.wait()
        kill(two[0])
        again = await asyncio.to_thread(start_again, two[0], environment)
        try:
            acknowledged = dict(zip([r.message_id for r in requests], await sending, strict=True))
        finally:
            kill(again)
    rows = await pg.fetch("select message_id, seq from messages")
    assert {row["message_id"]: row["seq"] for row in rows} == acknowledged
    assert sorted(acknowledged.values()) == list(range(1, 201))


async def test_a_node_that_is_stopped_sends_its_clients_away_to_come_back(
    two: list[NodeProcess], environment: dict[str, str]
) -> None:
    async with await user(two[0], "alice") as alice:
        with alice.inbox() as inbox:
            two[0].process.send_signal(signal.SIGTERM)
            async for news in inbox:
                if isinstance(news, Interrupted):
                    break
            assert news == Interrupted(1012, "this node is stopping; reconnect")
            assert await asyncio.to_thread(two[0].process.wait, 20) == 0
            again = await asyncio.to_thread(start_again, two[0], environment)
            try:
                assert isinstance(await anext(inbox), Connected)
            finally:
                kill(again)


async def test_a_second_signal_ends_a_node_that_waits_for_a_deaf_client(
    two: list[NodeProcess],
) -> None:
    """After one signal it would wait 5 s for the client's answer to its close."""
    reader, writer = await asyncio.open_connection(HOST, two[0].port)
    writer.write(
        b"GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"Sec-WebSocket-Protocol: lumina.v1.json\r\n\r\n"
    )
    await reader.readuntil(b"hello")
    two[0].process.send_signal(signal.SIGTERM)
    await reader.readuntil((1012).to_bytes(2, "big"))
    two[0].process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(two[0].process.wait, 4) == 0
    writer.close()
