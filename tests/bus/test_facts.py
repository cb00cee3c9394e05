from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from lumina_rt.bus import facts
from lumina_rt.bus.bus import connect
from lumina_rt.findings import Finding
from tests.bus.members import OwnRedis


@pytest.fixture
async def own(own_redis: OwnRedis) -> AsyncIterator[Redis]:
    client = connect(own_redis.url)
    try:
        yield client
    finally:
        await client.aclose()


async def examine(redis: Redis, *, production: bool) -> dict[str, Finding]:
    return {finding.what: finding for finding in await facts.examine(redis, production=production)}


async def test_the_embedded_engine_is_refused_in_production_only(redis_url: str) -> None:
    client = connect(redis_url)
    try:
        assert (await examine(client, production=False))["redis"].problem == ""
        refused = (await examine(client, production=True))["redis"]
    finally:
        await client.aclose()
    assert refused.fatal
    assert refused.value.endswith(", embedded")
    assert "LUMINA_REDIS_URL" in refused.problem


async def test_an_engine_of_ones_own_is_well(own: Redis) -> None:
    found = await examine(own, production=True)
    assert [finding.problem for finding in found.values()] == ["", ""]
    assert found["redis"].value.split()[0] in ("Valkey", "Redis")


async def test_an_engine_that_may_evict_streams_is_told(own: Redis) -> None:
    await own.config_set("maxmemory-policy", "allkeys-lru")
    assert (await examine(own, production=True))["redis memory"].problem == ""
    await own.config_set("maxmemory", "100mb")
    told = (await examine(own, production=True))["redis memory"]
    assert told.value == "allkeys-lru"
    assert "set maxmemory-policy to noeviction" in told.problem
    assert not told.fatal


@pytest.mark.parametrize(
    ("version", "fits"), [("6.0.16", False), ("6.2.0", True), ("7.0.15", True), ("10.0.1", True)]
)
def test_redis_below_6_2_is_refused(version: str, fits: bool) -> None:
    told = facts._engine(f"Redis {version}", version, "", True)
    assert (told.problem == "") is fits
    assert told.fatal
