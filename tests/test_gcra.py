from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_rt.gcra import HOW, Rate, Tats
from tests.bucket import Bucket

S = 1_000_000


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/60s burst 5", Rate(10, 60, 5)),
        (" 10/1m burst 5 ", Rate(10, 60, 5)),
        ("3/h burst 1", Rate(3, 3600, 1)),
        ("100/s", Rate(100, 1, 100)),
        ("1000000/1s burst 1", Rate(1_000_000, 1, 1)),
        ("off", None),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert Rate.parse(text) == rate
    if rate:
        assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", HOW),
        ("many", HOW),
        ("10", HOW),
        ("10/60", HOW),
        ("-1/60s", HOW),
        ("1.5/60s", HOW),
        ("10/60d", HOW),
        ("10/60s burst", HOW),
        ("10/60s, burst 5", HOW),
        ("0/60s", "no number may be 0"),
        ("10/0s", "no number may be 0"),
        ("10/60s burst 0", "no number may be 0"),
        ("1000001/1s", "write off"),
        ("1/1h burst 721", "more than 30 days"),
    ],
)
def test_a_rate_that_is_wrong_is_told_with_how_to_write_it(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("at_s", "waits_s"),
    [
        ([0, 0, 0, 0], [0, 0, 0, 6]),
        ([0, 0, 0, 5, 6, 6], [0, 0, 0, 1, 0, 6]),
        ([0, 6, 12, 18, 24], [0, 0, 0, 0, 0]),
        ([0, 1, 2, 3, 6], [0, 0, 0, 3, 0]),
        ([0, 0, 0, 1000, 1000, 1000, 1000], [0, 0, 0, 0, 0, 0, 6]),
    ],
)
def test_ten_a_minute_and_three_at_once(at_s: list[int], waits_s: list[int]) -> None:
    tats, rate = Tats(10), Rate(10, 60, 3)
    assert [tats.take("x", rate, at * S) // S for at in at_s] == waits_s


RATES = st.builds(Rate, st.integers(1, 50), st.integers(10, 90), st.integers(1, 7))
STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30 * S)), max_size=40)


@given(RATES, STEPS)
def test_it_lets_through_what_a_bucket_does(rate: Rate, steps: list[tuple[int, int]]) -> None:
    """Of several subjects; the model is a bucket of whole requests, one for each."""
    tats, now = Tats(100), 0
    buckets = {subject: Bucket(rate) for subject in range(4)}
    for subject, later in steps:
        now += later
        assert tats.take(subject, rate, now) == buckets[subject].take(now)
        left = (rate.window_us - tats.ahead(subject, now)) // rate.interval_us
        assert left == buckets[subject].remaining(now)


@given(RATES, STEPS)
def test_who_waits_as_long_as_told_is_let_through_and_no_earlier(
    rate: Rate, steps: list[tuple[int, int]]
) -> None:
    tats, now = Tats(100), 0
    for subject, later in steps:
        now += later
        if wait := tats.take(subject, rate, now):
            assert tats.take(subject, rate, now + wait - 1) == 1
            now += wait
            assert tats.take(subject, rate, now) == 0


def test_what_is_given_back_does_not_count() -> None:
    tats, rate = Tats(10), Rate(10, 60, 2)
    assert [tats.take("x", rate, 0) for _ in range(3)] == [0, 0, 6 * S]
    tats.give_back("x", rate)
    tats.give_back("a stranger", rate)
    assert [tats.take("x", rate, 0) for _ in range(2)] == [0, 6 * S]
    assert len(tats) == 1


def test_strangers_cannot_make_it_grow() -> None:
    tats, rate = Tats(100), Rate(1, 60, 1)
    assert tats.take("first", rate, 0) == 0
    for number in range(99):
        tats.take(number, rate, 0)
    assert (len(tats), tats.take("first", rate, 0)) == (100, 60 * S)
    for number in range(1000):
        tats.take(f"more {number}", rate, 0)
    assert len(tats) == 100
    assert tats.take("more 999", rate, 0) == 60 * S, "those that were seen last are kept"


def test_what_is_past_is_forgotten() -> None:
    tats, rate = Tats(10_000), Rate(1, 1, 1)
    for number in range(1000):
        tats.take(number, rate, 0)
    for number in range(600):
        tats.take(f"later {number}", rate, 2 * S)
    assert len(tats) == 600


def test_who_asks_again_is_remembered_longer() -> None:
    tats, rate = Tats(2), Rate(1, 60, 2)
    for subject in ("first", "second", "first", "third"):
        assert tats.take(subject, rate, 0) == 0
    assert tats.take("first", rate, 0) == 60 * S
