from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from lumina_rt import app
from lumina_rt.app import MAX_RETRY_S, RETRY_S, keep_running
from lumina_rt.telemetry import Telemetry


@dataclass
class FakeTime:
    """Stands in for asyncio's clock: a sleep is over at once, and time has passed."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def get_running_loop(self) -> FakeTime:
        return self

    def current_task(self) -> asyncio.Task[object] | None:
        return asyncio.current_task()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    clock = FakeTime()
    monkeypatch.setattr(app, "asyncio", clock)
    return clock


class Ended(BaseException):
    """Ends a loop for good, as a cancellation would."""


async def run(clock: FakeTime, telemetry: Telemetry, *lasted: float) -> list[float]:
    """The delays after runs that lasted so many seconds each and then failed."""
    clock.slept.clear()
    runs = list(lasted)

    async def loop() -> None:
        if not runs:
            raise Ended
        clock.now += runs.pop(0)
        raise ConnectionError("redis is away")

    with pytest.raises(Ended):
        await keep_running("bus.reader", loop, telemetry)
    return list(clock.slept)


async def test_each_failure_is_logged_and_counted_and_the_loop_starts_again(
    clock: FakeTime,
) -> None:
    telemetry = Telemetry("one")
    with capture_logs() as logs:
        delays = await run(clock, telemetry, *[0] * 5)
    assert len(delays) == 5
    labels = {"task": "bus.reader"}
    assert telemetry.registry.get_sample_value("lumina_task_failures_total", labels) == 5
    assert logs == [
        {
            "node": "one",
            "event": "background task failed",
            "log_level": "error",
            "task": "bus.reader",
            "cause": "ConnectionError: redis is away",
            "retry_s": round(delay, 2),
        }
        for delay in delays
    ]


async def test_the_delay_grows_to_its_longest_with_full_jitter(clock: FakeTime) -> None:
    ceilings = [min(RETRY_S * 2**n, MAX_RETRY_S) for n in range(10)]
    with capture_logs():
        rounds = [await run(clock, Telemetry("one"), *[0] * 10) for _ in range(200)]
    for n, ceiling in enumerate(ceilings):
        nth = [delays[n] for delays in rounds]
        assert RETRY_S / 2 <= min(nth) <= max(nth) <= ceiling
        assert max(nth) > 0.9 * ceiling, "the whole range up to the ceiling is used"
        assert min(nth) < RETRY_S / 2 + 0.1 * ceiling, "and down to the floor"


async def test_a_run_that_lasted_begins_again_with_the_shortest_delay(clock: FakeTime) -> None:
    with capture_logs():
        for _ in range(50):
            delays = await run(clock, Telemetry("one"), *[0] * 8, MAX_RETRY_S + 0.1, 0)
            assert delays[8] <= RETRY_S
            assert delays[9] <= 2 * RETRY_S


async def test_a_cancelled_loop_is_not_started_again() -> None:
    started: asyncio.Queue[None] = asyncio.Queue()

    async def loop() -> None:
        started.put_nowait(None)
        await asyncio.Event().wait()

    telemetry = Telemetry("one")
    task = asyncio.create_task(keep_running("bus.reader", loop, telemetry))
    await started.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started.empty()
    assert b"bus.reader" not in telemetry.metrics()


async def test_a_loop_that_is_told_to_end_ends_although_it_swallows_it(clock: FakeTime) -> None:
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(keep_running("deaf", deaf, Telemetry("test")))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.done()
