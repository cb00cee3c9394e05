"""Nodes with a bug, which the suite must find: `python -m tests.faults.planted NAME serve`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

from lumina_protocol.messages import Message

from lumina_rt import cli
from lumina_rt.bus.entry import Delivery
from lumina_rt.gate import Gate
from lumina_rt.handlers import message_reactions, receipts
from lumina_rt.pages import Audience
from lumina_rt.store import group_commit
from lumina_rt.store.db import Tx
from lumina_rt.workers.tail import Tail
from tests.faults import planted_social

DOUBT_S = 0.2


def patch(of: type | ModuleType, name: str, other: object) -> None:
    setattr(of, name, other)


def ack_before_commit() -> None:
    """Whoever asked is told that it is done, and only then it is committed."""

    async def settle(line: group_commit.Line, batch: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        db = line.writers.db
        async with db.pool.acquire() as conn, conn.transaction():
            tx = Tx(conn, db.node_id)
            results = await line.write.commit(tx, [item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                group_commit._answer(future, result)
            await asyncio.sleep(DOUBT_S)
        db.publish(tx.emitted)

    patch(group_commit.Line, "_settle", settle)


def skipped_outbox_row() -> None:
    """Of every second change no node is told, neither by the bus nor by the outbox."""
    arrive, catch_up = Gate.arrive, Gate.catch_up

    def arrive_sometimes(gate: Gate, delivery: Delivery) -> None:
        if delivery.place is None or delivery.place[1] % 2 == 0:
            arrive(gate, delivery)

    def catch_up_sometimes(gate: Gate, stream: UUID, after: int, upto: int) -> None:
        if upto % 2 == 0:
            catch_up(gate, stream, after, upto)

    patch(Gate, "arrive", arrive_sometimes)
    patch(Gate, "catch_up", catch_up_sometimes)


def double_publish() -> None:
    """What has passed the gate is told once more."""
    passed = Gate._pass

    def twice(gate: Gate, stream: UUID, rev: int, delivery: Delivery) -> None:
        passed(gate, stream, rev, delivery)
        gate.hub.deliver(delivery)

    patch(Gate, "_pass", twice)


def unread_outbox() -> None:
    """What the bus loses is lost."""

    async def turn(tail: Tail) -> bool:
        tail.last_turn = time.monotonic()
        return False

    patch(Tail, "turn", turn)


def unlooked_intervals() -> None:
    """Who was away is told in pages what was said meanwhile."""

    def seen(audience: Audience, user_id: UUID, messages: list[Message]) -> list[Message]:
        return messages

    patch(Audience, "seen", seen)


def unnumbered_reaction() -> None:
    """A mood is kept, and is no change of its message."""

    async def announce(tx: Tx, message: Message) -> Message:
        return message

    patch(message_reactions, "changes", SimpleNamespace(announce=announce))


def growing_unread() -> None:
    """What is unread is counted from the beginning, whatever was read since."""
    asked = receipts.UNREAD
    patch(
        receipts,
        "UNREAD",
        replace(asked, text=asked.text.replace("r.read_seq) unread", "0) unread")),
    )
    assert asked != receipts.UNREAD


PLANTS: dict[str, Callable[[], None]] = {
    "ack-before-commit": ack_before_commit,
    "skipped-outbox-row": skipped_outbox_row,
    "double-publish": double_publish,
    "unread-outbox": unread_outbox,
    "unlooked-intervals": unlooked_intervals,
    "unnumbered-reaction": unnumbered_reaction,
    "growing-unread": growing_unread,
    **planted_social.PLANTS,
}


def command(*plants: str) -> tuple[str, ...]:
    """What python is given to run a node with them."""
    return ("-m", __name__, ",".join(plants), "serve")


if __name__ == "__main__":
    for each in sys.argv.pop(1).split(","):
        PLANTS[each]()
    cli.main()
