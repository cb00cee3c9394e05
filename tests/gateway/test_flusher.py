"""Many connections share the loop: no one waits long, and no one's fault is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lumina_rt.gateway.flusher import BATCH, Flusher


@dataclass
class Recorder:
    """Something to flush."""

    log: list[str]
    name: str
    then: Callable[[], None] = lambda: None

    def flush(self) -> None:
        self.log.append(self.name)
        self.then()


async def ticks(count: int) -> None:
    """Let what `call_soon` has been given run, and what it gives again, `count` times."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def test_nothing_is_written_in_the_tick_in_which_it_is_said() -> None:
    log: list[str] = []
    flusher = Flusher(asyncio.get_running_loop())
    flusher.mark(Recorder(log, "one"), reply=False)
    assert log == []
    await ticks(1)
    assert log == ["one"]


async def test_replies_go_ahead_of_events_and_both_keep_their_order() -> None:
    log: list[str] = []
    flusher = Flusher(asyncio.get_running_loop())
    for name in ("event 1", "reply 1", "event 2", "reply 2"):
        flusher.mark(Recorder(log, name), reply=name.startswith("reply"))
    await ticks(1)
    assert log == ["reply 1", "reply 2", "event 1", "event 2"]


async def test_others_get_their_turn_between_batches() -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    flusher = Flusher(loop)
    for number in range(BATCH * 2 + 1):
        flusher.mark(Recorder(log, str(number)), reply=False)
    loop.call_soon(log.append, "somebody else")
    await ticks(10)
    where = log.index("somebody else")
    assert where <= BATCH
    log.remove("somebody else")
    assert log == [str(number) for number in range(BATCH * 2 + 1)]


async def test_slow_writes_end_a_batch_early() -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()

    def be_slow() -> None:
        until = loop.time() + 0.001
        while loop.time() < until:
            pass

    flusher = Flusher(loop)
    for number in range(40):
        flusher.mark(Recorder(log, str(number), be_slow), reply=False)
    loop.call_soon(log.append, "somebody else")
    await ticks(20)
    assert log.index("somebody else") == 16
    assert len(log) == 41


async def test_what_is_marked_while_flushing_is_flushed_too() -> None:
    log: list[str] = []
    flusher = Flusher(asyncio.get_running_loop())
    again = Recorder(log, "again")
    flusher.mark(Recorder(log, "first", lambda: flusher.mark(again, reply=True)), reply=False)
    await ticks(3)
    assert log == ["first", "again"]


async def test_one_that_fails_is_reported_and_the_others_are_written() -> None:
    log: list[str] = []
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError("the handler is closed")

    flusher = Flusher(loop)
    flusher.mark(Recorder(log, "bad", fail), reply=True)
    flusher.mark(Recorder(log, "good"), reply=True)
    await ticks(3)
    flusher.mark(Recorder(log, "later"), reply=False)
    await ticks(3)
    assert log == ["bad", "good", "later"]
    assert [str(error) for error in reported] == ["the handler is closed"]
