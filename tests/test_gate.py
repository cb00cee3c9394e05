from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lumina_protocol.codec import MSGPACK, Codec
from lumina_protocol.errors import Unavailable
from lumina_protocol.fields import uuid7

from lumina_rt import gate as module
from lumina_rt.app import keep_running
from lumina_rt.bus.entry import Delivery
from lumina_rt.gate import EACH_AT_ONCE, HELD, Gate, Range
from lumina_rt.hub import Hub
from lumina_rt.telemetry import Telemetry

ALICE, NOBODY = uuid7(), uuid7()
TALK, OTHER = uuid7(), uuid7()
LIMIT_S = 5


@dataclass(eq=False)
class Session:
    """A receiver that keeps what it is given."""

    codec: Codec = MSGPACK
    got: list[str] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, frame: bytes) -> None:
        self.got.append(frame.decode())
        self.more.set()

    def whisper(self, frame: bytes) -> None:
        self.push(b"whispered " + frame)

    def outnumbered(self) -> None:
        raise AssertionError("there is one session only")


@dataclass
class History:
    """All that was committed, from which holes are filled."""

    events: dict[UUID, dict[int, Delivery]] = field(default_factory=dict)
    reads: list[dict[UUID, Range]] = field(default_factory=list)
    away: int = 0
    """So many reads fail."""

    def commit(self, rev: int, conversation_id: UUID = TALK) -> Delivery:
        event = Delivery((ALICE,), f"{rev}".encode(), (conversation_id, rev))
        self.events.setdefault(conversation_id, {})[rev] = event
        return event

    async def read(self, ranges: Mapping[UUID, Range], limit: int) -> list[Delivery]:
        self.reads.append(dict(ranges))
        await asyncio.sleep(0)
        if self.away:
            self.away -= 1
            raise Unavailable
        found = []
        for conversation_id, (after, upto) in ranges.items():
            revs = sorted(r for r in self.events[conversation_id] if after < r <= upto)
            found += [self.events[conversation_id][rev] for rev in revs[:limit]]
        return found


@dataclass
class House:
    gate: Gate
    history: History
    alice: Session

    def counted(self, what: str) -> float:
        labels = {"what": what}
        value = self.gate.telemetry.registry.get_sample_value("lumina_gate_events_total", labels)
        return value or 0

    async def has(self, *revs: int | str) -> None:
        """Returns when alice has had just these, in this order."""
        wanted = [str(rev) for rev in revs]
        async with asyncio.timeout(LIMIT_S):
            while len(self.alice.got) < len(wanted):
                self.alice.more.clear()
                await self.alice.more.wait()
        assert self.alice.got == wanted


@asynccontextmanager
async def opened() -> AsyncIterator[House]:
    telemetry = Telemetry("test")
    hub, history, alice = Hub(lambda codec, data: data, 9, telemetry), History(), Session()
    hub.join(ALICE, alice)
    gate = Gate(hub, history.read, telemetry)
    task = asyncio.create_task(keep_running("gate", gate.run, telemetry))
    try:
        yield House(gate, history, alice)
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with opened() as house:
        yield house


async def test_what_comes_in_order_passes_at_once_and_without_a_look(house: House) -> None:
    for rev in (5, 6, 7):
        house.gate.arrive(house.history.commit(rev))
    assert house.alice.got == ["5", "6", "7"]
    assert house.history.reads == []


async def test_what_comes_twice_passes_once(house: House) -> None:
    for rev in (1, 2, 1, 2, 3, 3):
        house.gate.arrive(house.history.commit(rev))
    assert house.alice.got == ["1", "2", "3"]
    assert house.counted("double") == 3


async def test_an_early_event_waits_for_the_one_before_it(house: House) -> None:
    first, second, third = (house.history.commit(rev) for rev in (1, 2, 3))
    house.gate.arrive(first)
    house.gate.arrive(third)
    assert house.alice.got == ["1"]
    house.gate.arrive(second)
    assert house.alice.got == ["1", "2", "3"]
    assert house.history.reads == []


async def test_what_does_not_come_is_read(house: House) -> None:
    events = [house.history.commit(rev) for rev in range(1, 10)]
    for rev in (1, 4, 9):
        house.gate.arrive(events[rev - 1])
    await house.has(*range(1, 10))
    assert house.counted("filled") == 6


async def test_a_hole_is_filled_when_the_store_is_back(house: House) -> None:
    house.history.away = 2
    house.gate.arrive(house.history.commit(1))
    house.history.commit(2)
    house.gate.arrive(house.history.commit(3))
    await house.has(1, 2, 3)
    assert len(house.history.reads) == 3


async def test_revs_that_were_superseded_are_no_hole_for_ever(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(house.history.commit(4))  # there is no 2 and no 3 any more
    await house.has(1, 4)
    house.gate.arrive(house.history.commit(5))
    assert house.alice.got[-1] == "5"


async def test_what_is_for_nobody_here_leaves_no_hole_to_fill(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(Delivery((NOBODY,), b"3", (TALK, 3)))
    house.gate.arrive(house.history.commit(4))
    assert house.alice.got == ["1", "4"]
    assert house.history.reads == []


async def test_conversations_do_not_wait_for_each_other(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(house.history.commit(3))
    for rev in (7, 8):
        house.gate.arrive(house.history.commit(rev, OTHER))
    assert house.alice.got == ["1", "7", "8"]


async def test_what_was_committed_and_did_not_come_is_caught_up_with(house: House) -> None:
    events = [house.history.commit(rev) for rev in range(1, 6)]
    house.gate.arrive(events[0])
    house.gate.catch_up(TALK, (0, 1))
    assert house.history.reads == [], "it has come"
    house.gate.catch_up(TALK, (1, 3))
    house.gate.catch_up(TALK, (3, 5))
    await house.has(1, 2, 3, 4, 5)


async def test_of_a_conversation_never_seen_all_that_is_told_is_read(house: House) -> None:
    for rev in range(1, 6):
        house.history.commit(rev)
    house.gate.catch_up(TALK, (3, 5))
    await house.has(4, 5)


async def test_a_long_absence_is_read_page_by_page(house: House) -> None:
    count = EACH_AT_ONCE * 2 + 10
    for rev in range(1, count + 1):
        house.history.commit(rev)
    house.gate.catch_up(TALK, (0, count))
    await house.has(*range(1, count + 1))
    assert [reads[TALK][0] for reads in house.history.reads] == [0, 100, 200]


async def test_no_more_is_held_than_allowed_and_none_is_lost(house: House) -> None:
    count = HELD + 50
    house.gate.arrive(house.history.commit(1))
    house.history.commit(2)
    for rev in range(3, count + 1):
        house.gate.arrive(house.history.commit(rev))
    await house.has(*range(1, count + 1))


async def test_an_event_outside_of_conversations_passes_once_by_its_number(house: House) -> None:
    for number in (7, 8, 7, 9, 8):
        house.gate.arrive(Delivery((ALICE,), f"{number}".encode(), number))
    assert house.alice.got == ["7", "8", "9"]


async def test_what_has_no_place_always_passes(house: House) -> None:
    for _ in range(2):
        house.gate.arrive(Delivery((ALICE,), b"typing"))
    assert house.alice.got == ["typing", "typing"]


async def test_after_it_has_forgotten_the_same_revs_pass_again(house: House) -> None:
    for rev in (1, 2, 4):
        house.gate.arrive(house.history.commit(rev))
    house.gate.arrive(Delivery((ALICE,), b"x", 7))
    house.gate.forget()
    for rev in (2, 3):
        house.gate.arrive(house.history.commit(rev))
    house.gate.arrive(Delivery((ALICE,), b"x", 7))
    await house.has(1, 2, "x", 2, 3, "x")


async def test_what_was_being_read_when_it_forgot_is_not_told(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.history.commit(2)
    house.gate.catch_up(TALK, (1, 2))
    while not house.history.reads:
        await asyncio.sleep(0)
    house.gate.forget()
    await asyncio.sleep(0)
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(house.history.commit(2))
    await house.has(1, 1, 2)
    assert house.counted("filled") == 0


async def test_what_is_not_kept_is_whispered(house: House) -> None:
    house.gate.arrive(Delivery((ALICE,), b"typing", kept=False))
    assert house.alice.got == ["whispered typing"]


async def test_what_it_remembers_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for number in range(100):
        house.gate.arrive(Delivery((ALICE,), b"", number))
        house.gate.arrive(Delivery((ALICE,), b"", (UUID(int=number), 1)))
    assert len(house.gate._numbers) == len(house.gate._revs) == 10


@given(st.integers(1, 40), st.integers(0, 2**32), st.floats(0, 0.6), st.floats(0, 0.6))
@settings(max_examples=60, deadline=None)
def test_whatever_is_lost_doubled_or_late_each_is_told_once_and_in_order(
    count: int, seed: int, lost: float, doubled: float
) -> None:
    """The first comes; of the rest some are lost, some come twice, all in any order; and then the
    outbox tells what there was."""
    random = Random(seed)

    async def run() -> None:
        async with opened() as house:
            events = [house.history.commit(rev) for rev in range(1, count + 1)]
            house.gate.arrive(events[0])
            come = [event for event in events[1:] if random.random() >= lost]
            come += [event for event in come if random.random() < doubled]
            random.shuffle(come)
            for event in come:
                house.gate.arrive(event)
                if random.random() < 0.3:
                    await asyncio.sleep(0)
            house.gate.catch_up(TALK, (0, count))
            await house.has(*range(1, count + 1))

    asyncio.run(run())
