from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from lumina_protocol.codec import JSON, MSGPACK, Codec
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import EventFrame
from lumina_protocol.session import Hello

from lumina_rt.bus.entry import Delivery, Place, keys
from lumina_rt.hub import Hub
from lumina_rt.telemetry import Telemetry

ALICE, BOB, CAROL = uuid7(), uuid7(), uuid7()


def payload(number: int = 0) -> bytes:
    """An EVENT frame as handlers emit it."""
    return MSGPACK.event(
        Hello(
            server="t", node="t", time=number, auth_timeout_ms=1, heartbeat_ms=1, max_frame=1,
            max_frame_before_auth=1,
        )
    )  # fmt: skip


@dataclass(eq=False)
class Session:
    """A receiver that keeps what it is given."""

    codec: Codec = MSGPACK
    frames: list[bytes] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    ended: list[UUID] = field(default_factory=list)
    outnumbered_times: int = 0

    def push(self, frame: bytes, place: Place) -> None:
        self.frames.append(frame)
        self.places.append(place)

    def whisper(self, frame: bytes) -> bool:
        self.frames.append(frame)
        return True

    def login_ended(self, session_id: UUID) -> None:
        self.ended.append(session_id)

    def outnumbered(self) -> None:
        self.outnumbered_times += 1

    def events(self) -> list[int]:
        """The numbers of the payloads that came."""
        decoded = [self.codec.decode(frame.removeprefix(b"framed ")) for frame in self.frames]
        return [frame.body["time"] for frame in decoded if isinstance(frame, EventFrame)]


@dataclass
class Framing:
    """Makes frames, and keeps count of them."""

    made: list[Codec] = field(default_factory=list)

    def __call__(self, codec: Codec, data: bytes) -> bytes:
        self.made.append(codec)
        return b"framed " + data


@pytest.fixture
def framing() -> Framing:
    return Framing()


@pytest.fixture
def hub(framing: Framing) -> Hub:
    return Hub(framing, 3, Telemetry("t"))


def joined(hub: Hub, user_id: UUID, codec: Codec = MSGPACK) -> Session:
    session = Session(codec)
    hub.join(user_id, session)
    return session


def deliveries(hub: Hub) -> float | None:
    return hub.telemetry.registry.get_sample_value("lumina_deliveries_total")


def test_an_event_goes_to_every_session_of_its_users_and_to_nobody_else(hub: Hub) -> None:
    phone, laptop, bob, carol = (joined(hub, user) for user in (ALICE, ALICE, BOB, CAROL))
    hub.deliver(Delivery(keys([ALICE, BOB]), payload(1)))
    hub.deliver(Delivery(keys([BOB]), payload(2)))
    assert [s.events() for s in (phone, laptop, bob, carol)] == [[1], [1], [1, 2], []]
    assert deliveries(hub) == 4


def test_a_session_is_told_where_an_event_belongs(hub: Hub) -> None:
    alice, talk = joined(hub, ALICE), uuid7()
    hub.deliver(Delivery(keys([ALICE]), payload(1), (talk, 7), blind=keys([BOB])))
    assert alice.places == [(talk, 7)]


def test_who_has_left_gets_nothing_more(hub: Hub) -> None:
    phone, laptop = joined(hub, ALICE), joined(hub, ALICE)
    hub.deliver(Delivery(keys([ALICE]), payload(1)))
    hub.leave(ALICE, phone)
    hub.deliver(Delivery(keys([ALICE]), payload(2)))
    hub.leave(ALICE, laptop)
    hub.deliver(Delivery(keys([ALICE]), payload(3)))
    assert (phone.events(), laptop.events()) == ([1], [1, 2])
    assert hub.sessions == {}, "nothing is kept of a user without sessions"


def test_leaving_twice_or_without_having_joined_does_no_harm(hub: Hub) -> None:
    phone, stranger = joined(hub, ALICE), Session()
    hub.leave(ALICE, stranger)
    hub.leave(BOB, stranger)
    hub.deliver(Delivery(keys([ALICE]), payload(1)))
    assert phone.events() == [1]
    hub.leave(ALICE, phone)
    hub.leave(ALICE, phone)
    assert hub.sessions == {}


def test_an_event_is_encoded_once_for_each_codec_however_many_get_it(
    hub: Hub, framing: Framing
) -> None:
    users = [uuid7() for _ in range(100)]
    sessions = [joined(hub, user, codec) for user in users for codec in (MSGPACK, JSON)]
    hub.deliver(Delivery(keys(users), payload(7)))
    assert sorted(codec.subprotocol for codec in framing.made) == [
        "lumina.v1.json",
        "lumina.v1.msgpack",
    ]
    assert [session.events() for session in sessions] == [[7]] * 200
    for codec in (MSGPACK, JSON):
        frames = [session.frames[0] for session in sessions if session.codec is codec]
        assert all(frame is frames[0] for frame in frames), "the same bytes, not equal ones"


def test_a_codec_that_nobody_speaks_costs_nothing(hub: Hub, framing: Framing) -> None:
    joined(hub, ALICE, JSON)
    hub.deliver(Delivery(keys([ALICE, BOB]), payload(1)))
    assert framing.made == [JSON]
    framing.made.clear()
    hub.deliver(Delivery(keys([BOB, CAROL]), payload(2)))
    assert framing.made == []
    assert deliveries(hub) == 1


def test_the_oldest_session_makes_room_for_one_too_many(hub: Hub) -> None:
    sessions = [joined(hub, ALICE) for _ in range(5)]
    other = joined(hub, BOB)
    hub.deliver(Delivery(keys([ALICE, BOB]), payload(1)))
    assert [session.outnumbered_times for session in sessions] == [1, 1, 0, 0, 0]
    assert [session.events() for session in sessions] == [[], [], [1], [1], [1]]
    assert (other.outnumbered_times, other.events()) == (0, [1])


def test_a_session_that_left_has_made_room(hub: Hub) -> None:
    first, second, third = (joined(hub, ALICE) for _ in range(3))
    hub.leave(ALICE, second)
    fourth = joined(hub, ALICE)
    assert [s.outnumbered_times for s in (first, second, third, fourth)] == [0, 0, 0, 0]
    joined(hub, ALICE)
    assert [s.outnumbered_times for s in (first, second, third, fourth)] == [1, 0, 0, 0]
    hub.leave(ALICE, first)  # as its connection does when it is lost
    hub.deliver(Delivery(keys([ALICE]), payload(1)))
    assert [s.events() for s in (first, third, fourth)] == [[], [1], [1]]
