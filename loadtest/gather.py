"""Opening many connections, a few at a time, and closing them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from loadtest.errors import Stalled
from loadtest.receiver import Crowd, Receiver, opening_of
from loadtest.screen import Advance

AT_ONCE = 100
SAMPLE = 20
OPEN_TIMEOUT_S = 30
END_TIMEOUT_S = 30
PATH = "/v1/socket"


@asynccontextmanager
async def gathered(
    crowd: Crowd, host: str, port: int, tokens: Sequence[str | None], advance: Advance
) -> AsyncIterator[list[Receiver]]:
    """A ready receiver for each token; the first 20 keep what they get. Raises Broken, Stalled
    or OSError. On the way out every connection is cut.
    """
    opening = opening_of(PATH, f"{host}:{port}")
    receivers = [
        Receiver(crowd, opening, token, keep=number < SAMPLE) for number, token in enumerate(tokens)
    ]
    async with opened(crowd, receivers, host, port, advance):
        yield receivers


@asynccontextmanager
async def opened(
    crowd: Crowd, receivers: Sequence[Receiver], host: str, port: int, advance: Advance
) -> AsyncIterator[None]:
    """All of them are ready in the block, and cut at its end. Raises as `gathered` does."""
    try:
        for first in range(0, len(receivers), AT_ONCE):
            batch = receivers[first : first + AT_ONCE]
            async with asyncio.TaskGroup() as tasks:
                for receiver in batch:
                    tasks.create_task(_open(receiver, host, port))
            advance(first + len(batch))
        yield
    finally:
        crowd.leave()
        for receiver in receivers:
            receiver.cut()


async def all_came(receivers: Sequence[Receiver]) -> None:
    """Wait until nothing of what was queued for them before is still to come. Raises Stalled."""
    ends = [receiver.ask_for_the_end() for receiver in receivers]
    _, missing = await asyncio.wait(ends, timeout=END_TIMEOUT_S)
    if missing:
        raise Stalled(f"{len(missing)} receivers got no answer to a ping in {END_TIMEOUT_S} s")


async def _open(receiver: Receiver, host: str, port: int) -> None:
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: receiver, host, port)
            await receiver.ready
    except TimeoutError:
        raise Stalled(f"a connection was not ready after {OPEN_TIMEOUT_S} s") from None
