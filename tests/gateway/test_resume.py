"""A resume goes at the pace of its reader, and holds nobody else up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import EventFrame, ReplyFrame

from lumina_rt import catch_up
from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.gateway.connection import Connection
from lumina_rt.pages import PAGE_BYTES
from tests.gateway.test_delivery import NARROW
from tests.gateway.unharmed import count, unharmed, until
from tests.gateway.wire import Wire, new_name, new_token, websocket
from tests.house import message, open_conversation, say, send_all

MISSED = 120


@asynccontextmanager
async def narrow(node: Node, token: str) -> AsyncIterator[tuple[Wire, Connection]]:
    """A connection of which little fits into the kernel, and which has said that it resumes."""
    async with websocket(node, receive_buffer=NARROW) as wire:
        reply = await wire.ask("auth", {"token": token, "resume": True})
        assert isinstance(reply, ReplyFrame)
        wire.ready = None
        (connection,) = (c for c in node.gateway.connections if c.catch_up and not c.catch_up.live)
        sock = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)
        yield wire, connection


@asynccontextmanager
async def talking(node: Node) -> AsyncIterator[tuple[Client, UUID, str]]:
    """Somebody who has said a lot, the conversation, and the token of who has missed it."""
    peer = new_name()
    token, missing = await new_token(node), await new_token(node, peer)
    async with Client(node.url, token=token) as client:
        talk = await open_conversation(client, peer)
        await send_all(client, *(message(talk, "€" * 4000) for _ in range(MISSED)))
        yield client, talk, missing


async def test_who_does_not_read_is_not_read_for(settings: Settings) -> None:
    async with (
        unharmed(settings, outbox_bytes=1_048_576) as node,
        talking(node) as (client, talk, token),
        narrow(node, token) as (wire, connection),
    ):
        body = {"epoch": 1, "user_rev": 0, "cursors": [[talk, 0]]}
        await wire.send(wire.request("resume", body))
        await until(lambda: not connection.writable)
        live = await say(client, talk, "meanwhile")
        waits = connection.transport.get_write_buffer_size() + sum(map(len, connection.outbox))
        assert waits < 2.5 * PAGE_BYTES, "no further than a page ahead"
        got: list[int] = []
        while isinstance(told := await wire.told(), EventFrame):
            if told.type == "conversation.synced":
                assert told.body["from_rev"] == len(got)
                got += [m["rev"] for m in told.body["messages"]]
        assert isinstance(told, ReplyFrame)
        assert got == list(range(1, live.rev + 1))
        await say(client, talk, "live again")
        told = await wire.told()
        assert isinstance(told, EventFrame)
        assert told.body["message"]["rev"] == live.rev + 1
        await until(lambda: connection.catch_up is None)


async def test_who_is_lost_in_the_middle_of_a_resume_leaves_nothing(settings: Settings) -> None:
    async with (
        unharmed(settings, outbox_bytes=1_048_576) as node,
        talking(node) as (_, talk, token),
    ):
        async with narrow(node, token) as (wire, connection):
            body = {"epoch": 1, "user_rev": 0, "cursors": [[talk, 0]]}
            await wire.send(wire.request("resume", body))
            await until(lambda: not connection.writable)
            wire.cut()
            await until(lambda: connection not in node.gateway.connections)
        await until(lambda: not node.gateway._tasks)
        assert not node.services.resumes.locked()
        assert count(node, "lumina_request_seconds_count", op="resume", outcome="unavailable") == 1


async def test_who_says_that_they_resume_and_does_not_is_closed_before_it_costs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "MAX_STREAMS", 2)
    async with unharmed(settings) as node:
        token, peers = await new_token(node), [new_name() for _ in range(3)]
        for peer in peers:
            await new_token(node, peer)
        async with websocket(node) as wire, Client(node.url, token=token) as client:
            await wire.ask("auth", {"token": token, "resume": True})
            for peer in peers:
                await say(client, await open_conversation(client, peer), "hello")
            async with asyncio.timeout(5):
                assert await wire.close_code() == CloseCode.SLOW_READER
