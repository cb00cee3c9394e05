"""What can go wrong: each fault holds while its block lasts, and is healed at the end of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from tests.faults.actor import Actor
from tests.faults.node import FaultyNode
from tests.faults.operations import away_and_back, open_group_with
from tests.faults.play import LOOK_S, Play
from tests.faults.relay import Mode, Relay

BACK = 4
"""So often somebody is brought back while they resume."""
KNOWN_S = 5
Fault = Callable[[Play, int], AbstractAsyncContextManager[None]]


def node_of(play: Play, target: int) -> FaultyNode:
    return play.world.nodes[target % len(play.world.nodes)]


def actor_of(play: Play, target: int) -> Actor:
    return play.actors[target % len(play.actors)]


@asynccontextmanager
async def node_killed(play: Play, target: int) -> AsyncIterator[None]:
    node = node_of(play, target)
    await node.kill()
    yield
    await node.come_back()


@asynccontextmanager
async def node_drained(play: Play, target: int) -> AsyncIterator[None]:
    node = node_of(play, target)
    await node.drain()
    yield
    await node.come_back()


@asynccontextmanager
async def node_paused(play: Play, target: int) -> AsyncIterator[None]:
    """As by a machine that is moved: it does not know that it was away."""
    process = node_of(play, target).process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def redis_killed(play: Play, target: int, *, empty: bool = False) -> AsyncIterator[None]:
    """`empty`: it comes back knowing nothing."""
    await play.world.engines.kill_redis()
    yield
    await play.world.engines.start_redis(empty=empty)


@asynccontextmanager
async def redis_paused(play: Play, target: int) -> AsyncIterator[None]:
    play.world.engines.redis.send_signal(signal.SIGSTOP)
    yield
    play.world.engines.redis.send_signal(signal.SIGCONT)


@asynccontextmanager
async def redis_flushed(play: Play, target: int) -> AsyncIterator[None]:
    await play.world.engines.flush_redis()
    yield


@asynccontextmanager
async def postgres_restarted(play: Play, target: int) -> AsyncIterator[None]:
    """At once, as by a crash: it comes back through its log."""
    await play.world.engines.stop_postgres()
    yield
    await play.world.engines.start_postgres()


@asynccontextmanager
async def postgres_paused(play: Play, target: int) -> AsyncIterator[None]:
    play.world.engines.signal_postgres(signal.SIGSTOP)
    yield
    play.world.engines.signal_postgres(signal.SIGCONT)


@asynccontextmanager
async def broken(relays: list[Relay], mode: Mode) -> AsyncIterator[None]:
    await asyncio.gather(*(relay.set(mode) for relay in relays))
    yield
    await asyncio.gather(*(relay.set("pass") for relay in relays))


def without_redis(play: Play, target: int, mode: Mode) -> AbstractAsyncContextManager[None]:
    return broken([node_of(play, target).redis], mode)


def all_without_redis(play: Play, target: int, mode: Mode) -> AbstractAsyncContextManager[None]:
    return broken([node.redis for node in play.world.nodes], mode)


def without_postgres(play: Play, target: int, mode: Mode) -> AbstractAsyncContextManager[None]:
    return broken([node_of(play, target).postgres], mode)


def all_without_postgres(play: Play, target: int, mode: Mode) -> AbstractAsyncContextManager[None]:
    return broken([node.postgres for node in play.world.nodes], mode)


def slow_client(play: Play, target: int) -> AbstractAsyncContextManager[None]:
    return broken(actor_of(play, target).relays, "drip")


@asynccontextmanager
async def half_open_client(play: Play, target: int) -> AsyncIterator[None]:
    """Nothing gets through and nobody is told; then the line turns out to be dead."""
    relays = actor_of(play, target).relays
    async with broken(relays, "stall"):
        yield
        await asyncio.gather(*(relay.cut_lines() for relay in relays))


@asynccontextmanager
async def all_reconnect(play: Play, target: int) -> AsyncIterator[None]:
    relays = [relay for actor in play.actors for relay in actor.relays]
    await asyncio.gather(*(relay.cut_lines() for relay in relays))
    yield


@asynccontextmanager
async def member_comes_and_goes(play: Play, target: int) -> AsyncIterator[None]:
    """Somebody is sent away and brought back while they are not connected, and once more while they
    slowly resume."""
    away = actor_of(play, target)
    right = [actor for actor in play.actors if not actor.clock_off_ms]  # others' ids are refused
    admin = next(actor for actor in right if actor.log.user != away.log.user)
    name = next(name for name, user in away.people.items() if user == away.log.user)
    others = [other for other, user in admin.people.items() if user != admin.log.user]
    group = await open_group_with(admin, others)
    await _until(lambda: group in away.conversations)
    async with broken(away.relays, "cut"):
        await away_and_back(admin, group, name)
    await _until(lambda: away.stream.online)
    async with broken(away.relays, "drip"):
        await asyncio.gather(*(relay.cut_lines() for relay in away.relays))
        for _ in range(BACK):
            await away_and_back(admin, group, name)
        yield


async def _until(is_so: Callable[[], bool]) -> None:
    """Or for as long as one waits for what something else may have broken."""
    with suppress(TimeoutError):
        async with asyncio.timeout(KNOWN_S):
            while not is_so():
                await asyncio.sleep(LOOK_S)


@dataclass(frozen=True, slots=True)
class Row:
    inject: Fault
    weight: int
    what: str
    """What it breaks, with `#` for the target; one fault at a time breaks one thing."""
    longest_s: float = 5.0
    targets: int = 1


def _modes(name: str, fault: Callable[..., AbstractAsyncContextManager[None]], what: str,
           targets: int = 1) -> dict[str, Row]:  # fmt: skip
    modes: tuple[Mode, ...] = ("cut", "stall", "drip")
    return {
        f"{name}_{mode}": Row(partial(fault, mode=mode), 2, what, targets=targets) for mode in modes
    }


FAULTS: dict[str, Row] = {
    "node_killed": Row(node_killed, 8, "node#", targets=3),
    "node_drained": Row(node_drained, 5, "node#", targets=3),
    "node_paused": Row(node_paused, 3, "node#", longest_s=8, targets=3),
    "redis_killed": Row(redis_killed, 4, "redis"),
    "redis_emptied": Row(partial(redis_killed, empty=True), 3, "redis"),
    "redis_paused": Row(redis_paused, 3, "redis", longest_s=10),
    "redis_flushed": Row(redis_flushed, 4, "redis", longest_s=0),
    "postgres_restarted": Row(postgres_restarted, 4, "postgres", longest_s=2),
    "postgres_paused": Row(postgres_paused, 3, "postgres", longest_s=8),
    "slow_client": Row(slow_client, 3, "actor#", targets=8),
    "half_open_client": Row(half_open_client, 3, "actor#", targets=8),
    "member_comes_and_goes": Row(member_comes_and_goes, 3, "actor#", longest_s=1, targets=5),
    "all_reconnect": Row(all_reconnect, 3, "actors", longest_s=0),
    **_modes("without_redis", without_redis, "node#-redis", 3),
    **_modes("without_postgres", without_postgres, "node#-postgres", 3),
    **_modes("all_without_redis", all_without_redis, "redis"),
    **_modes("all_without_postgres", all_without_postgres, "postgres"),
}
