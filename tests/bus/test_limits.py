"""The Lua script, on a real Redis: compared with a model; and a Redis that does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st

from lumina_rt.bus import limits
from lumina_rt.bus.limits import Away, SharedLimits, connect
from lumina_rt.gcra import Rate, Verdict
from tests.bucket import Bucket
from tests.bus.members import OwnRedis

S = 1_000_000
START = 1_795_000_000 * S
TEN = Rate(10, 60, 3)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no outage."""
    monkeypatch.setattr(limits, "WITHIN_S", 5.0)


class Clock:
    now = START

    def __call__(self) -> int:
        return self.now


@asynccontextmanager
async def shared(url: str, clock: Clock | None = None) -> AsyncIterator[SharedLimits]:
    redis = connect(url)
    try:
        yield SharedLimits(redis, f"test-{uuid4().hex}", clock)
    finally:
        await redis.aclose()


async def one(limit: SharedLimits, rate: Rate = TEN, n: int = 1, subject: str = "x") -> Verdict:
    (verdict,), _ = await limit.take([(subject, rate, n)])
    return verdict


RATES = st.builds(Rate, st.integers(1, 50), st.integers(60, 900), st.integers(1, 7))
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([1, 1, 1, 0, -1]), st.integers(0, 200 * S)),
    max_size=25,
)


async def test_it_lets_through_what_a_bucket_does(redis_url: str) -> None:
    """Also when requests are given back, or only looked at."""
    loop = asyncio.get_running_loop()

    async def compare(rate: Rate, steps: list[tuple[int, int, int]]) -> None:
        clock = Clock()
        async with shared(redis_url, clock) as limit:
            buckets = {subject: Bucket(rate) for subject in range(3)}
            for number, n, later in steps:
                clock.now += later
                verdict = await one(limit, rate, n, f"{number}")
                bucket = buckets[number]
                if n < 0:
                    bucket.give_back(clock.now)
                assert verdict.wait_us == (bucket.take(clock.now) if n > 0 else 0)
                assert verdict.remaining(rate) == bucket.remaining(clock.now)

    @run_with(max_examples=100, deadline=None, database=None)
    @given(RATES, STEPS)
    def all_of_them(rate: Rate, steps: list[tuple[int, int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(compare(rate, steps), loop).result()

    await asyncio.to_thread(all_of_them)


async def test_who_waits_as_long_as_told_is_let_through(redis_url: str) -> None:
    clock = Clock()
    async with shared(redis_url, clock) as limit:
        assert [(await one(limit)).wait_us for _ in range(4)] == [0, 0, 0, 6 * S]
        clock.now += 6 * S - 1
        assert (await one(limit)).wait_us == 1
        clock.now += 1
        assert (await one(limit)).wait_us == 0


async def test_the_clock_is_that_of_redis(redis_url: str) -> None:
    async with shared(redis_url) as limit:
        waits = [(await one(limit)).wait_us for _ in range(4)]
        assert waits[:3] == [0, 0, 0]
        assert 0 < waits[3] <= 6 * S
        seconds, _ = await limit.redis.time()
        (key,) = await limit.redis.keys(f"{limit.prefix}:*")
        assert seconds + 10 < float(await limit.redis.get(key) or 0) / S < seconds + 20


async def test_every_key_ends_by_itself_when_it_says_nothing_any_more(redis_url: str) -> None:
    async with shared(redis_url) as limit:
        await one(limit)
        (key,) = await limit.redis.keys(f"{limit.prefix}:*")
        assert key == f"{limit.prefix}:limit:{{x}}".encode()
        assert 0 < await limit.redis.pttl(key) <= 6000
        await one(limit)
        assert 6000 < await limit.redis.pttl(key) <= 12_000
        await one(limit, n=-1)
        await one(limit, n=-1)
        assert await limit.redis.exists(key) == 0
        await one(limit, n=0)
        await one(limit, n=-1)
        assert await limit.redis.exists(key) == 0, "nothing to keep"


async def test_a_clock_that_goes_back_locks_nobody_out(redis_url: str) -> None:
    clock = Clock()
    async with shared(redis_url, clock) as limit:
        await one(limit)
        clock.now -= 3600 * S
        assert 0 < (await one(limit)).wait_us <= 6 * S


async def test_a_mark_is_there_until_it_ends(redis_url: str) -> None:
    async with shared(redis_url) as limit:
        assert (await limit.take([("x", TEN, 0)], "mark"))[1] is False
        await limit.remember("mark", 60 * S)
        assert (await limit.take([("x", TEN, 0)], "mark"))[1] is True
        assert 0 < await limit.redis.pttl(f"{limit.prefix}:limit:{{mark}}") <= 60_000


async def test_a_redis_that_is_gone_is_told_at_once_and_asked_again_later(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shared(own_redis.url) as limit:
        await one(limit)
        await own_redis.kill()
        with pytest.raises(Away):
            await one(limit)
        await own_redis.start()
        with pytest.raises(Away):
            await one(limit)  # not asked
        later = time.monotonic() + limits.PAUSE_S
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert (await one(limit)).wait_us == 0


async def test_a_redis_that_does_not_answer_is_waited_for_shortly(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shared(own_redis.url) as limit:
        await one(limit)
        await limit.redis.client_pause(10_000)
        monkeypatch.setattr(limits, "WITHIN_S", 0.1)
        began = time.monotonic()
        with pytest.raises(Away):
            await one(limit)
        assert 0.09 < time.monotonic() - began < 4
        monkeypatch.setattr(limits, "WITHIN_S", 8.0)
        began = time.monotonic()
        with pytest.raises(Away):
            await one(limit)
        assert time.monotonic() - began < 4, "the next one does not wait at all"


async def test_a_script_that_redis_has_forgotten_runs(redis_url: str) -> None:
    async with shared(redis_url) as limit:
        await one(limit)
        await limit.redis.script_flush()
        assert (await one(limit)).wait_us == 0


async def test_a_fault_of_ours_is_not_taken_for_an_outage(redis_url: str) -> None:
    async with shared(redis_url) as limit:
        with pytest.raises(AttributeError):
            await limit.take([("x", None, 1)])  # type: ignore[list-item]
