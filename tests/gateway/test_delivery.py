"""How bytes leave: joined, in order, and never more of them waiting than agreed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from lumina_protocol.codec import CODECS, JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import ErrorFrame, EventFrame, ReplyFrame
from websockets.frames import Opcode

from lumina_rt.app import Node
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.session import State
from tests.gateway.inside import connection_of, deliver, watch
from tests.gateway.unharmed import count, database_held, unharmed, until
from tests.gateway.wire import Wire, frame, new_name, new_token, websocket
from tests.house import open_conversation, say

NARROW = 4096  # bytes of a socket's buffer, so that little fits into the kernel


async def test_what_is_said_in_one_tick_is_one_write_in_its_order(settings: Settings) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node)
        async with websocket(node, token=token) as wire:
            connection = connection_of(node, wire)
            watched = watch(connection)
            first = deliver(node, wire, 1)
            connection.data_received(wire.request("auth", {"token": token}))
            second, third = deliver(node, wire, 2), deliver(node, wire, 3)
            told = [await wire.told() for _ in range(4)]
    assert len(watched.writes) == 1
    assert [told[0], *told[2:]] == [first, second, third]
    assert isinstance(told[1], ErrorFrame)


async def test_replies_to_requests_of_one_segment_are_one_write(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        watched = watch(connection_of(node, wire))
        await wire.send(b"".join(wire.request("ping", {}) for _ in range(20)))
        assert [(await wire.answer()).id for _ in range(20)] == list(range(1, 21))
        assert len(watched.writes) == 1


async def test_an_event_is_the_same_in_both_codecs(settings: Settings) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node)
        async with (
            websocket(node, MSGPACK, token=token) as one,
            websocket(node, JSON, token=token) as two,
        ):
            event = deliver(node, one, 1)
            assert await one.told() == await two.told() == event


async def test_a_slow_reader_is_closed_and_all_others_get_everything(settings: Settings) -> None:
    async with unharmed(settings, outbox_bytes=65_536) as node:
        token = await new_token(node)
        async with (
            websocket(node, token=token) as fast,
            websocket(node, JSON, token=token) as fast_too,
            websocket(node, token=token, receive_buffer=NARROW) as slow,
        ):
            connection = connection_of(node, slow)
            number = 0
            while connection in node.gateway.connections and not connection.ws.close_sent:
                event = deliver(node, fast, number, size=4000)
                assert await fast.told() == await fast_too.told() == event
                assert sum(map(len, connection.outbox)) <= 65_536
                number += 1
            assert number * 4000 > 65_536
            got = await _numbers_until_closed(slow, CloseCode.SLOW_READER)
            assert got == list(range(len(got))), "what came before the close has no hole"
            await until(lambda: connection not in node.gateway.connections)
            deliver(node, fast, number)
            assert (await fast.told()).body == (await fast_too.told()).body
        assert count(node, "lumina_closed_total", code="4002") == 1


async def test_more_than_the_outbox_holds_in_one_tick_closes_also_who_reads(
    settings: Settings,
) -> None:
    async with unharmed(settings, outbox_bytes=2**20) as node:
        token = await new_token(node)
        async with websocket(node, token=token) as wire:
            for number in range(2**20 // 4000 + 1):
                deliver(node, wire, number, size=4000)
            assert await _numbers_until_closed(wire, CloseCode.SLOW_READER) == []


async def _numbers_until_closed(wire: Wire, code: int) -> list[int]:
    got: list[int] = []
    while True:
        opcode, payload = await wire.frame()
        if opcode is Opcode.CLOSE:
            assert int.from_bytes(payload[:2], "big") == code
            await wire.send(frame(payload, Opcode.CLOSE))
            assert await wire.rest() == b""
            wire.cut()
            return got
        event = wire.codec.decode(payload)
        assert isinstance(event, EventFrame)
        got.append(event.body["number"])


PAGE = 11 * 3 * 4000  # bytes of text in a page below: no more than that fits into one


@asynccontextmanager
async def asking_for_pages(node: Node, codec: Codec, count: int) -> AsyncIterator[Wire]:
    """A client behind a narrow connection has asked for large pages, and reads none of them yet."""
    peer = new_name()
    token = await new_token(node)
    await new_token(node, peer)
    async with Client(node.url, token=token) as client:
        conversation = await open_conversation(client, peer)
        for _ in range(20):
            await say(client, conversation, "€" * 4000)
    async with websocket(node, codec, token=token, receive_buffer=NARROW) as wire:
        connection = connection_of(node, wire)
        sock = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NARROW)
        body = {"conversation_id": conversation, "limit": 20}
        await wire.send(*(wire.request("message.history", body) for _ in range(count)))
        await until(lambda: not connection.writable)
        yield wire


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
async def test_answers_larger_than_the_outbox_reach_who_reads_them(
    settings: Settings, codec: Codec
) -> None:
    """The outbox bounds what nobody asked for. Answers wait until their reader reads."""
    async with (
        unharmed(settings, outbox_bytes=65_536) as node,
        websocket(node) as bystander,
        asking_for_pages(node, codec, count=6) as wire,
    ):
        connection = connection_of(node, wire)
        await until(lambda: connection.stalled > 0)
        waits = connection.transport.get_write_buffer_size()
        waits += sum(map(len, connection.outbox))
        assert waits < 2.5 * PAGE, "it is not served far ahead of what it reads"
        assert isinstance(await bystander.ask("ping", {}), ReplyFrame)
        answers = [await wire.answer() for _ in range(6)]
    assert [answer.id for answer in answers] == list(range(2, 8))
    assert all(len(answer.body["messages"]) == 11 for answer in answers)


async def test_who_reads_slowly_is_alive_and_who_stops_is_not(settings: Settings) -> None:
    async with (
        unharmed(settings, heartbeat_s=0.15) as node,
        asking_for_pages(node, MSGPACK, count=10) as wire,
        websocket(node) as clock,  # last: it has to answer from now on
    ):
        connection = connection_of(node, wire)
        for size in [PAGE // 4] * 4 + [PAGE] * 4:
            await wire.reader.readexactly(size)
            assert (await clock.frame())[0] is Opcode.PING
            await clock.send(frame(b"", Opcode.PONG))
        assert connection.session.state is State.READY
        await until(lambda: connection.close_code == CloseCode.HEARTBEAT_TIMEOUT)


async def test_requests_run_in_order_and_reading_stops_while_too_many_wait(
    settings: Settings,
) -> None:
    async with unharmed(settings, max_requests_waiting=4) as node:
        token = await new_token(node)
        async with websocket(node, token=token) as wire:
            connection = connection_of(node, wire)
            watched = watch(connection)
            async with database_held(node):
                await wire.send(wire.request("conversation.list", {}))
                for _ in range(4):
                    assert not watched.paused.is_set()
                    await wire.heard()
                    await wire.send(wire.request("ping", {}))
                async with asyncio.timeout(5):
                    await watched.paused.wait()
                assert not connection.transport.is_reading()
                await wire.send(*(wire.request("ping", {}) for _ in range(10)))
            assert [(await wire.answer()).id for _ in range(15)] == list(range(2, 17))
            assert connection.transport.is_reading()
            assert watched.resumed.is_set()


async def test_a_client_that_is_not_read_from_is_not_taken_for_dead(settings: Settings) -> None:
    async with unharmed(settings, max_requests_waiting=2, heartbeat_s=0.15) as node:
        token = await new_token(node)
        async with websocket(node, token=token) as wire:
            connection = connection_of(node, wire)
            async with database_held(node):
                await wire.send(wire.request("conversation.list", {}))
                await wire.send(*(wire.request("ping", {}) for _ in range(5)))
                await until(lambda: connection.session.full)
                async with websocket(node) as silent:
                    assert await silent.close_code() == CloseCode.HEARTBEAT_TIMEOUT
            assert [(await wire.answer()).id for _ in range(6)] == list(range(2, 8))


async def test_a_flood_of_pings_that_nobody_reads_the_answers_of_is_not_read_on(
    settings: Settings,
) -> None:
    async def flood(wire: Wire) -> None:
        while True:
            await wire.send(frame(b"x" * 125, Opcode.PING) * 100)

    async with unharmed(settings) as node, websocket(node) as bystander:
        token = await new_token(node)
        async with websocket(node, token=token, receive_buffer=NARROW) as wire:
            connection = connection_of(node, wire)
            flooding = asyncio.create_task(flood(wire))
            await until(lambda: not connection.reading)
            waiting = connection.transport.get_write_buffer_size()
            assert waiting < 1_000_000
            for _ in range(50):
                assert isinstance(await bystander.ask("ping", {}), ReplyFrame)
            assert connection.transport.get_write_buffer_size() <= waiting
            flooding.cancel()
            for _ in range(2000):
                assert await wire.frame() == (Opcode.PONG, b"x" * 125)


async def test_an_event_for_nobody_here_is_no_fault(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node) as wire:
        node.gateway.hub.deliver(Delivery(keys([uuid7()]), MSGPACK.pack([4, "test.event", {}])))
        assert isinstance(await wire.ask("ping", {}), ReplyFrame)
