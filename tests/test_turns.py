from __future__ import annotations

import asyncio

from lumina_rt.turns import Turns


async def test_one_at_a_time_for_each_key_in_the_order_of_arrival() -> None:
    turns, log = Turns(), []
    go_on = asyncio.Event()

    async def work(key: str, name: str) -> None:
        async with turns.of(key):
            log.append(name)
            await go_on.wait()

    async with asyncio.TaskGroup() as tasks:
        for name in ("a1", "b1", "a2", "a3"):
            tasks.create_task(work(name[0], name))
        await asyncio.sleep(0)  # each task runs until it has to wait
        assert log == ["a1", "b1"], "the same key waits, another one does not"
        go_on.set()
    assert log == ["a1", "b1", "a2", "a3"]


async def test_nothing_is_kept_of_keys_that_nobody_uses() -> None:
    turns = Turns()
    for key in range(1000):
        async with turns.of(key):
            assert len(turns.locks) == 1
    assert len(turns.locks) == 0


async def test_a_turn_that_fails_or_is_given_up_lets_the_next_one_in() -> None:
    turns = Turns()

    async def fail() -> None:
        async with turns.of("key"):
            raise RuntimeError

    for task in [asyncio.create_task(fail()) for _ in range(3)]:
        await asyncio.wait([task])
        assert isinstance(task.exception(), RuntimeError)
    async with turns.of("key"):
        waiting = asyncio.create_task(fail())
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(1), turns.of("key"):
        pass
