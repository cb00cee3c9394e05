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
from lumina_protocol.conversations import ConversationVoid
from lumina_protocol.errors import Unavailable
from lumina_protocol.fields import uuid7

from lumina_rt import gate as module
from lumina_rt.app import keep_running
from lumina_rt.bus.entry import Delivery, Place, keys
from lumina_rt.gate import HELD, STREAMS_AT_ONCE, Filling, Gate
from lumina_rt.hub import Hub
from lumina_rt.telemetry import Telemetry

ALICE, BOB, NOBODY = uuid7(), uuid7(), uuid7()
TALK, OTHER = uuid7(), uuid7()
LIMIT_S = 5
PAGE = 100


@dataclass(eq=False)
class Session:
    """A receiver that keeps what it is given."""

    codec: Codec = MSGPACK
    got: list[str] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, frame: bytes, place: Place) -> None:
        self.got.append(frame.decode("latin-1"))
        self.more.set()

    def whisper(self, frame: bytes) -> bool:
        self.push(b"whispered " + frame, None)
        return True

    def login_ended(self, session_id: UUID) -> None:
        self.got.append(f"{session_id} ended")

    def outnumbered(self) -> None:
        raise AssertionError("there is one session only")


@dataclass
class History:
    """All that was committed, from which holes are filled."""

    events: dict[UUID, dict[int, Delivery]] = field(default_factory=dict)
    reads: list[dict[UUID, int]] = field(default_factory=list)
    away: int = 0
    """So many reads fail."""
    paged: bool = False
    """Told as pages: one for alice, and another, of the same rev, for bob."""
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def commit(self, rev: int, stream: UUID = TALK) -> Delivery:
        event = Delivery(keys([ALICE]), f"{rev}".encode(), (stream, rev))
        self.events.setdefault(stream, {})[rev] = event
        return event

    async def read(self, revs: Mapping[UUID, int]) -> list[Filling]:
        """What there is when it begins; it ends when it may go on."""
        self.reads.append(dict(revs))
        if self.away:
            self.away -= 1
            raise Unavailable
        found = [self.filling(stream, after) for stream, after in revs.items()]
        self.seen.set()
        await asyncio.sleep(0)
        await self.go_on.wait()
        return [filling for filling in found if filling]

    def filling(self, stream: UUID, after: int) -> Filling | None:
        events = self.events.get(stream, {})
        if not events:
            return None
        revs = sorted(rev for rev in events if rev > after)
        some, upto = revs[:PAGE], max(after, *events)
        if len(revs) > PAGE:
            upto = some[-1]
        told = [events[rev] for rev in some]
        if self.paged:
            page, place = f"{after + 1}-{upto}".encode(), (stream, upto)
            told = [Delivery(keys([user]), page, place) for user in (ALICE, BOB)]
        return Filling(stream, upto, told, len(revs) > PAGE)


@dataclass
class House:
    gate: Gate
    history: History
    alice: Session

    def counted(self, what: str) -> float:
        labels = {"what": what}
        value = self.gate.telemetry.registry.get_sample_value("lumina_gate_events_total", labels)
        return value or 0

    async def has(self, *told: int | str) -> None:
        """Returns when alice has had just these, in this order."""
        wanted = [str(each) for each in told]
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


async def test_what_a_session_was_told_before_the_gate_knew_of_it_passes_no_more(
    house: House,
) -> None:
    old = [house.history.commit(rev) for rev in (1, 2, 3)]
    house.gate.covered({TALK: 3})
    for late in old:
        house.gate.arrive(late)
    house.gate.arrive(house.history.commit(4))
    assert house.alice.got == ["4"]
    house.gate.covered({TALK: 2})
    house.gate.arrive(old[2])
    assert house.alice.got == ["4"], "it takes nothing back"


async def test_what_was_held_follows_what_a_session_was_told(house: House) -> None:
    events = [house.history.commit(rev) for rev in (1, 2, 3, 4)]
    for rev in (1, 3, 4):
        house.gate.arrive(events[rev - 1])
    house.gate.covered({TALK: 3})
    assert house.alice.got == ["1", "4"]


async def test_what_a_session_was_told_drives_nothing_from_a_full_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 1)
    house.gate.arrive(house.history.commit(1))
    house.gate.covered({OTHER: 7, TALK: 1})
    assert house.gate.had(TALK) == 1
    assert house.gate.had(OTHER) is None


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
    assert house.counted("filled") == 8, "also what was held is read"


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
    house.gate.arrive(Delivery(keys([NOBODY]), b"3", (TALK, 3)))
    house.gate.arrive(house.history.commit(4))
    assert house.alice.got == ["1", "4"]
    assert house.history.reads == []


async def test_streams_do_not_wait_for_each_other(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(house.history.commit(3))
    for rev in (7, 8):
        house.gate.arrive(house.history.commit(rev, OTHER))
    assert house.alice.got == ["1", "7", "8"]


async def test_what_was_committed_and_did_not_come_is_caught_up_with(house: House) -> None:
    events = [house.history.commit(rev) for rev in range(1, 6)]
    house.gate.arrive(events[0])
    house.gate.catch_up(TALK, 0, 1)
    assert house.history.reads == [], "it has come"
    house.gate.catch_up(TALK, 1, 3)
    house.gate.catch_up(TALK, 3, 5)
    await house.has(1, 2, 3, 4, 5)


async def test_of_a_stream_never_seen_all_that_is_told_is_read(house: House) -> None:
    for rev in range(1, 6):
        house.history.commit(rev)
    house.gate.catch_up(TALK, 3, 5)
    await house.has(4, 5)


async def test_a_long_absence_is_read_page_by_page(house: House) -> None:
    count = PAGE * 2 + 10
    for rev in range(1, count + 1):
        house.history.commit(rev)
    house.gate.catch_up(TALK, 0, count)
    await house.has(*range(1, count + 1))
    assert [reads[TALK] for reads in house.history.reads] == [0, PAGE, PAGE * 2]
    assert not house.gate.is_filling


async def test_many_streams_are_read_in_few_goes(house: House) -> None:
    streams = [UUID(int=number) for number in range(STREAMS_AT_ONCE + 1)]
    for stream in streams:
        house.history.commit(1, stream)
        house.gate.catch_up(stream, 0, 1)
    await house.has(*[1] * len(streams))
    assert [list(revs) for revs in house.history.reads] == [streams[:-1], streams[-1:]]


async def test_a_stream_that_does_not_exist_is_asked_for_once(house: House) -> None:
    house.gate.catch_up(OTHER, 0, 3)
    house.history.commit(1)
    house.gate.catch_up(TALK, 0, 1)
    await house.has(1)
    assert not house.gate.is_filling
    house.gate.arrive(house.history.commit(4, OTHER))
    assert house.alice.got == ["1", "4"]


@asynccontextmanager
async def reading(house: House) -> AsyncIterator[None]:
    """While the block lasts, what the gate reads of the store is on its way."""
    house.history.go_on.clear()
    house.history.seen.clear()
    async with asyncio.timeout(LIMIT_S):
        await house.history.seen.wait()
    assert house.gate.is_filling
    yield
    house.history.go_on.set()


async def test_what_comes_by_itself_while_it_is_read_is_told_once(house: House) -> None:
    events = [house.history.commit(rev) for rev in range(1, 5)]
    house.gate.arrive(events[0])
    house.gate.catch_up(TALK, 1, 4)
    async with reading(house):
        house.gate.arrive(events[1])
        house.gate.arrive(events[2])
    await house.has(1, 2, 3, 4)
    assert house.counted("filled") == 3


async def test_what_is_committed_while_it_is_read_is_read_as_well(house: House) -> None:
    for rev in (1, 2):
        house.history.commit(rev)
    house.gate.catch_up(TALK, 0, 2)
    async with reading(house):
        house.history.commit(3)
        house.gate.catch_up(TALK, 2, 3)
    await house.has(1, 2, 3)


async def test_a_page_is_told_to_all_whom_it_is_for_although_it_is_of_one_rev(
    house: House,
) -> None:
    bob = Session()
    house.gate.hub.join(BOB, bob)
    house.history.paged = True
    events = [house.history.commit(rev) for rev in range(1, 4)]
    house.gate.arrive(events[0])
    house.gate.arrive(events[2])
    await house.has(1, "2-3")
    assert bob.got == ["2-3"]
    house.gate.arrive(events[1])
    house.gate.arrive(events[2])
    assert (house.alice.got, bob.got) == (["1", "2-3"], ["2-3"])


async def test_what_comes_while_a_page_is_read_comes_with_the_next_page(house: House) -> None:
    """Between two pages an event would be behind what is missing."""
    house.history.paged = True
    events = [house.history.commit(rev) for rev in range(1, 5)]
    house.gate.arrive(events[0])
    house.gate.catch_up(TALK, 1, 3)
    async with reading(house):
        for event in events[1:]:
            house.gate.arrive(event)
    await house.has(1, "2-4")
    house.gate.arrive(house.history.commit(5))
    await house.has(1, "2-4", 5)


def void(rev: int) -> str:
    return MSGPACK.event(ConversationVoid(conversation_id=TALK, rev=rev)).decode("latin-1")


async def test_who_may_not_see_a_rev_is_told_that_it_is_nothing_for_them(house: House) -> None:
    bob = Session()
    house.gate.hub.join(BOB, bob)
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(Delivery(keys([ALICE]), b"2", (TALK, 2), blind=keys([BOB, NOBODY])))
    assert house.alice.got == ["1", "2"]
    assert bob.got == [void(2)]
    house.gate.arrive(Delivery(keys([ALICE]), b"2", (TALK, 2), blind=keys([BOB, NOBODY])))
    assert bob.got == [void(2)]


async def test_a_void_keeps_its_place_in_the_order(house: House) -> None:
    """Also where only somebody who may not see it is on this node."""
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(Delivery(keys([NOBODY]), b"3", (TALK, 3), blind=keys([ALICE])))
    house.gate.arrive(house.history.commit(4))
    assert house.alice.got == ["1"]
    house.gate.arrive(house.history.commit(2))
    assert house.alice.got == ["1", "2", void(3), "4"]
    assert house.history.reads == []


async def test_no_more_is_held_than_allowed_and_none_is_lost(house: House) -> None:
    count = HELD + 50
    house.gate.arrive(house.history.commit(1))
    house.history.commit(2)
    for rev in range(3, count + 1):
        house.gate.arrive(house.history.commit(rev))
    await house.has(*range(1, count + 1))


async def test_what_has_no_place_is_whispered_however_often_it_comes(house: House) -> None:
    for _ in range(2):
        house.gate.arrive(Delivery(keys([ALICE]), b"typing"))
    assert house.alice.got == ["whispered typing"] * 2


async def test_after_it_has_forgotten_the_same_revs_pass_again(house: House) -> None:
    for rev in (1, 2, 4):
        house.gate.arrive(house.history.commit(rev))
    house.gate.forget()
    for rev in (2, 3):
        house.gate.arrive(house.history.commit(rev))
    await house.has(1, 2, 2, 3)


async def test_what_was_being_read_when_it_forgot_is_not_told(house: House) -> None:
    house.gate.arrive(house.history.commit(1))
    house.history.commit(2)
    house.gate.catch_up(TALK, 1, 2)
    while not house.history.reads:
        await asyncio.sleep(0)
    house.gate.forget()
    await asyncio.sleep(0)
    house.gate.arrive(house.history.commit(1))
    house.gate.arrive(house.history.commit(2))
    await house.has(1, 1, 2)
    assert house.counted("filled") == 0


async def test_what_it_remembers_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for number in range(100):
        house.gate.arrive(Delivery(keys([ALICE]), b"", (UUID(int=number), 1)))
    assert len(house.gate._revs) == 10


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
            house.gate.catch_up(TALK, 0, count)
            await house.has(*range(1, count + 1))

    asyncio.run(run())
