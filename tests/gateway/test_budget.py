"""What may wait for all slow readers of a node together, and what is not worth waiting for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import EventFrame, Kind

from lumina_rt.app import Node
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.config import Settings
from lumina_rt.gateway.budget import Budget
from tests.gateway.inside import connection_of, deliver
from tests.gateway.unharmed import count, unharmed, until
from tests.gateway.wire import TIMEOUT_S, Wire, new_token, websocket

MIB = 2**20
NARROW = 4096


@dataclass(eq=False)
class Slow:
    budget: Budget
    outbox_bytes: int = 0
    closed: bool = False

    def too_slow(self) -> None:
        self.closed = True
        self.budget.resumed(self)

    def grow(self, size: int) -> bool:
        self.outbox_bytes += size
        return self.budget.takes(self, size)


def slow(budget: Budget, *waiting: int) -> list[Slow]:
    found = [Slow(budget, size) for size in waiting]
    for each in found:
        budget.paused(each)
    return found


def test_the_slowest_goes_until_there_is_room() -> None:
    budget = Budget(100)
    small, large, larger = slow(budget, 10, 40, 45)
    assert small.grow(5)
    assert (budget.waiting, large.closed, larger.closed) == (100, False, False)
    assert small.grow(20)
    assert (budget.waiting, large.closed, larger.closed) == (75, False, True)
    assert not small.grow(60), "now it is the slowest itself"
    assert (budget.waiting, small.closed, large.closed) == (40, True, False)


def test_who_reads_again_counts_no_more() -> None:
    budget = Budget(100)
    one, two = slow(budget, 60, 30)
    budget.resumed(one)
    budget.resumed(one)
    assert budget.waiting == 30
    budget.paused(two)
    assert budget.waiting == 30, "it was counted already"
    assert two.grow(70)
    assert not two.grow(1)
    assert (one.closed, two.closed, budget.waiting) == (False, True, 0)


@asynccontextmanager
async def readers(node: Node, number: int) -> AsyncIterator[list[Wire]]:
    """Users of their own; all but the first do not read, behind narrow connections."""
    async with AsyncExitStack() as stack:
        wires = []
        for place in range(number):
            narrow = NARROW if place else None
            opened = websocket(node, token=await new_token(node), receive_buffer=narrow)
            wires.append(await stack.enter_async_context(opened))
        yield wires


def fill(node: Node, wire: Wire, size: int) -> None:
    """Until this much waits for it."""
    connection = connection_of(node, wire)
    while connection.outbox_bytes < size or connection.writable:
        deliver(node, wire, 0, size=8000)
        connection.flush()


async def test_the_slowest_of_a_node_is_closed_and_nobody_else(settings: Settings) -> None:
    limits = {"outbox_bytes": 2 * MIB, "outbox_node_bytes": MIB}
    async with unharmed(settings, **limits) as node, readers(node, 3) as (good, slow, slower):
        fill(node, slower, MIB * 6 // 10)
        fill(node, slow, MIB * 3 // 10)
        budget = node.gateway.budget
        assert MIB * 9 // 10 <= budget.waiting <= MIB
        closing = connection_of(node, slower)
        while not closing.ws.close_sent:
            event = deliver(node, good, 1, size=8000)
            assert await good.told() == event
            deliver(node, slow, 1, size=8000)
        assert closing.close_code == CloseCode.SLOW_READER
        remaining = connection_of(node, slow)
        assert budget.waiting == remaining.outbox_bytes == sum(map(len, remaining.outbox))
        slower.cut()
        async with asyncio.timeout(TIMEOUT_S):
            while budget.waiting:
                await slow.told()
        deliver(node, slow, 77)
        while (await slow.told()).body["number"] != 77:
            pass
    assert count(node, "lumina_closed_total", code="4002") == 1


def whisper(node: Node, wire: Wire, number: int) -> None:
    assert wire.ready
    payload = MSGPACK.pack([Kind.EVENT.value, "test.whisper", {"number": number}])
    node.gateway.hub.deliver(Delivery(keys([wire.ready.user_id]), payload))


async def test_whispers_are_dropped_above_the_half(settings: Settings) -> None:
    async with unharmed(settings, outbox_bytes=MIB) as node, readers(node, 2) as (good, slow):
        shed = "lumina_whispers_shed_total"
        fill(node, slow, MIB // 4)
        whisper(node, slow, 1)
        assert count(node, shed) == 0
        fill(node, slow, MIB // 2)
        waiting = connection_of(node, slow).outbox_bytes
        for wire in (slow, good):
            whisper(node, wire, 2)
        assert connection_of(node, slow).outbox_bytes == waiting
        assert count(node, shed) == 1
        assert (await good.told()).body == {"number": 2}, "others have theirs"
        deliver(node, slow, 77)
        whispers = []
        while isinstance(event := await slow.told(), EventFrame) and event.body["number"] != 77:
            whispers += [event.body["number"]] if event.type == "test.whisper" else []
        assert whispers == [1]
        await until(lambda: node.gateway.budget.waiting == 0)
