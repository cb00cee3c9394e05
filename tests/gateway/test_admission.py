"""How many connections and handshakes one address may have, on a clock of its own."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_rt.gateway import admission
from lumina_rt.gateway.admission import Admission

ONE, OTHER = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
SITE, SAME_SITE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2:0:0:1")


def test_a_burst_then_one_at_a_time_and_the_wait_that_is_told_is_right() -> None:
    door = Admission(1, handshakes_per_s=10, burst=3)
    assert [door.shake(ONE, 0) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]
    assert door.shake(ONE, 0.05) == pytest.approx(0.05), "who is refused pays nothing"
    assert door.shake(OTHER, 0.05) == 0
    assert door.shake(ONE, 0.1) == 0
    assert door.shake(ONE, 0.1) == pytest.approx(0.1)
    assert [door.shake(ONE, 99) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]


@given(
    st.integers(1, 5),
    st.lists(st.integers(0, 4), max_size=60),
)
def test_it_is_a_token_bucket(burst: int, pauses: list[int]) -> None:
    """A token a second, times in quarters of one."""
    door, tokens, now = Admission(1, 1, burst), float(burst), 0.0
    for pause in pauses:
        now += pause / 4
        tokens = min(burst, tokens + pause / 4)
        wait_s = door.shake(ONE, now)
        assert wait_s == pytest.approx(max(0, 1 - tokens))
        tokens -= wait_s == 0


def test_ipv6_is_counted_by_site() -> None:
    door = Admission(1, 1, burst=1)
    assert door.shake(SITE, 0) == 0
    assert door.shake(SAME_SITE, 0) > 0
    assert door.enter(SITE)
    assert not door.enter(SAME_SITE)


def test_strangers_do_not_make_it_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "REMEMBERED", 100)
    door = Admission(1, 1, burst=1)
    for number in range(1000):
        assert door.shake(IPv4Address(number), number / 1000) == 0
        door.shake(ONE, number / 1000)
    assert door.known == 100
    assert door.shake(ONE, 0.999) > 0, "who comes all the time is not forgotten"
    assert door.shake(IPv4Address(1), 0.999) == 0, "who was seen longest ago is"


def test_who_has_left_makes_room_and_takes_none() -> None:
    door = Admission(2, 1, burst=1)
    assert [door.enter(ONE) for _ in range(3)] == [True, True, False]
    assert door.enter(OTHER)
    door.leave(ONE)
    assert [door.enter(ONE) for _ in range(2)] == [True, False]
    for address in (ONE, ONE, OTHER):
        door.leave(address)
    assert door.known == 0
