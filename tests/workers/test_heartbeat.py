from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from lumina_protocol.errors import Unavailable
from lumina_protocol.session import Ping
from redis.exceptions import RedisError

from lumina_rt.bus.bus import Bus, connect
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.store import db as store
from lumina_rt.store.db import Db
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.epoch import Epoch
from lumina_rt.workers.heartbeat import DEAD_AFTER_S, FRESH_S, Heartbeat
from tests.house import nodes


def ignore(before: int, after: int) -> None:
    """A change of the history is another file's business."""


@asynccontextmanager
async def hearts(settings: Settings, *names: str) -> AsyncIterator[list[Heartbeat]]:
    """Heartbeats of nodes that have not joined yet, and whose loops do not run."""
    async with AsyncExitStack() as stack:
        made = []
        for name in names:
            pool = await store.connect(settings.database_url, size=1)
            stack.push_async_callback(store.close, pool, within=1)
            redis = connect(settings.redis_url)
            bus = Bus(redis, settings.redis_prefix, name, lambda d: None, Telemetry(name))
            stack.push_async_callback(bus.close)
            made.append(Heartbeat(Db(pool, lambda emitted: None), bus, Epoch(ignore)))
        yield made


async def age(pg: asyncpg.Connection, node_id: str, seconds: float) -> None:
    """As if the last beat of a node had been so long ago."""
    changed = await pg.execute(
        "update nodes set heartbeat_at = now() - $2 * interval '1 second' where node_id = $1",
        node_id,
        seconds,
    )
    assert changed == "UPDATE 1"


async def rows(pg: asyncpg.Connection) -> list[str]:
    return [row["node_id"] for row in await pg.fetch("select node_id from nodes order by 1")]


async def test_nodes_that_have_joined_see_each_other_and_not_themselves(settings: Settings) -> None:
    async with hearts(settings, "one", "two", "three") as (one, two, three):
        await one.join()
        assert one.bus.peers == set()
        await two.join()
        assert two.bus.peers == {"one"}
        await three.join()
        for heart in (one, two):
            await heart.beat()
        assert one.bus.peers == {"two", "three"}
        assert two.bus.peers == {"one", "three"}
        assert three.bus.peers == {"one", "two"}


async def test_a_node_that_died_is_not_taken_for_a_peer_and_comes_back_when_it_beats_again(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with hearts(settings, "one", "two", "three") as (one, two, three):
        await two.join()
        await age(pg, "two", DEAD_AFTER_S - 3)
        await one.join()
        assert one.bus.peers == {"two"}, "some missed beats are no death"
        await age(pg, "two", DEAD_AFTER_S + 1)
        await three.beat()
        assert three.bus.peers == {"one"}
        await two.beat()
        await three.beat()
        assert three.bus.peers == {"one", "two"}


async def test_an_outage_of_postgres_does_not_make_nodes_forget_each_other(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with hearts(settings, "one", "two") as (one, two):
        await one.join()
        await two.join()
        await one.beat()
        await age(pg, "one", DEAD_AFTER_S + 60)
        await age(pg, "two", DEAD_AFTER_S + 60)
        await one.beat()  # the first to be back: all other rows are old
        assert one.bus.peers == {"two"}


async def test_a_node_that_leaves_is_no_peer_once_its_stream_is_gone(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with hearts(settings, "one", "two") as (one, two):
        await one.join()
        await two.join()
        await one.beat()
        assert one.bus.peers == {"two"}
        await two.leave()
        await two.bus.redis.delete(two.bus.stream)
        await one.bus.announce()  # whatever is written next
        assert one.bus.peers == set()
        await one.beat()
        assert one.bus.peers == set()
        assert await rows(pg) == ["one"]


async def test_the_row_of_a_node_that_died_is_removed_after_a_day(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with hearts(settings, "one", "two", "three") as (one, two, three):
        await two.join()
        await three.join()
        await age(pg, "two", 24 * 3600 - 60)
        await age(pg, "three", 24 * 3600 + 60)
        await one.join()
        assert await rows(pg) == ["one", "two"]


async def test_who_reads_a_nodes_row_finds_its_stream(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path
) -> None:
    """So a node that cannot make its stream writes no row."""
    away = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/away.sock"})
    async with hearts(away, "one") as (one,):
        with pytest.raises(RedisError):
            await one.join()
        assert await rows(pg) == []
    async with hearts(settings, "two") as (two,):
        await two.join()
        assert await rows(pg) == ["two"]
        assert await two.bus.redis.exists(two.bus.stream)


async def test_a_heart_is_fresh_for_some_seconds_after_a_beat(settings: Settings) -> None:
    async with hearts(settings, "one") as (one,):
        assert not one.is_fresh
        await one.beat()
        assert one.is_fresh
        one.last_beat = time.monotonic() - FRESH_S + 1
        assert one.is_fresh
        one.last_beat = time.monotonic() - FRESH_S
        assert not one.is_fresh


async def test_a_beat_that_postgres_does_not_accept_is_none(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with hearts(settings, "one", "two") as (one, two):
        await two.join()
        await one.join()
        one.last_beat = old = time.monotonic() - FRESH_S
        async with pg.transaction():
            await pg.execute("lock table nodes")
            with pytest.raises(Unavailable):
                await one.beat()
        assert one.last_beat == old
        assert not one.is_fresh
        assert one.bus.peers == {"two"}, "who lives is what was known last"
        await one.beat()
        assert one.is_fresh


async def test_nodes_that_start_and_stop_join_and_leave(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, two):
        assert await rows(pg) == sorted([one.bus.node_id, two.bus.node_id])
        assert two.bus.peers == {one.bus.node_id}
        assert one.checks()["postgres"]
    assert await rows(pg) == []


async def test_a_node_that_listens_stays_although_postgres_has_just_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last step at the start is to tell the others where it listens."""
    really = Heartbeat.beat
    gone: list[Heartbeat] = []

    async def beat(self: Heartbeat) -> None:
        if self.private_url and not gone:
            gone.append(self)
            raise Unavailable
        await really(self)

    monkeypatch.setattr(Heartbeat, "beat", beat)
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        await client.call(Ping())
    assert gone
