"""When a node sends its clients elsewhere: only when it alone is in trouble."""

from __future__ import annotations

import asyncio

import pytest
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ReplyFrame

from lumina_rt.app import Node
from lumina_rt.client import Client, ClientError
from lumina_rt.config import Settings
from lumina_rt.workers import health
from lumina_rt.workers.health import FAULT_S, Health, Seen, cut_off
from tests.bus.members import OwnRedis
from tests.gateway.unharmed import until
from tests.gateway.wire import new_token, websocket
from tests.house import nodes

pytestmark = [pytest.mark.once, pytest.mark.timeout(60)]
OK, NEW, OLD = 0.5, FAULT_S - 0.1, FAULT_S


@pytest.mark.parametrize(
    ("bus_age_s", "postgres_age_s", "peer_has_bus", "peer_has_postgres", "cut"),
    [
        (OK, OK, True, True, False),
        (OLD, OK, True, True, True),  # cut from Redis alone
        (OLD, OK, True, False, True),
        (OLD, OK, False, True, False),  # Redis is gone for all
        (NEW, OK, True, True, False),  # not yet
        (OK, OLD, True, True, True),  # cut from Postgres alone
        (OK, OLD, False, True, True),
        (OK, OLD, True, False, False),  # Postgres is gone for all, or there are no others
        (OK, NEW, True, True, False),
        (OLD, OLD, True, True, False),  # cut from both: what it knows of others is old
        (OLD, NEW, True, True, False),
    ],
)
def test_the_rule(
    bus_age_s: float, postgres_age_s: float, peer_has_bus: bool, peer_has_postgres: bool, cut: bool
) -> None:
    assert cut_off(Seen(bus_age_s, postgres_age_s, peer_has_bus, peer_has_postgres)) is cut


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FAULT_S", 2.5)


async def refuses(node: Node) -> None:
    assert not node.checks()["serving"]
    with pytest.raises(ClientError, match="503: This node is cut off"):
        async with Client(node.url):
            pass


@pytest.mark.usefixtures("soon")
async def test_who_is_cut_from_redis_alone_sends_its_clients_away_until_it_is_back(
    settings: Settings, own_redis: OwnRedis
) -> None:
    fragile = settings.model_copy(update={"redis_url": own_redis.url})
    async with nodes(settings, 1) as (well,), nodes(fragile, 1, node="cut") as (cut,):
        token = await new_token(well)
        async with websocket(well, token=token) as stays, websocket(cut, token=token) as goes:
            await until(lambda: cut.heartbeat.peer_has_bus)
            await own_redis.kill()
            assert await goes.close_code() == CloseCode.SERVICE_RESTART
            await refuses(cut)
            assert not well.gateway.cut_off
            await stays.ask("ping", {})
            await own_redis.start()
            async with asyncio.timeout(15):
                while cut.gateway.cut_off:
                    await asyncio.sleep(0.01)
            async with websocket(cut, token=token):
                assert cut.checks()["serving"]


@pytest.mark.usefixtures("soon")
async def test_who_is_cut_from_postgres_alone_sends_its_clients_away(settings: Settings) -> None:
    async with nodes(settings, 2) as (cut, well):
        token = await new_token(well)
        async with websocket(well, token=token) as stays, websocket(cut, token=token) as goes:
            await until(lambda: cut.bus.peer_has_postgres)
            cut.services.db.pool.terminate()
            assert await goes.close_code() == CloseCode.SERVICE_RESTART
            await refuses(cut)
            assert not well.gateway.cut_off
            await stays.ask("ping", {})


@pytest.mark.parametrize("gone", ["redis", "postgres"])
async def test_a_fault_that_all_share_sends_nobody_away(
    settings: Settings, own_redis: OwnRedis, gone: str
) -> None:
    """With the times as they are, since it is they that have to fit together."""
    fragile = settings.model_copy(update={"redis_url": own_redis.url})
    async with (
        nodes(fragile, 2) as both,
        websocket(both[0], token=await new_token(both[0])) as stays,
    ):
        looks = [Health(node.heartbeat, node.bus, node.gateway.set_cut_off) for node in both]
        await until(lambda: all(n.heartbeat.peer_has_bus for n in both))
        await until(lambda: all(n.bus.peer_has_postgres for n in both))
        if gone == "redis":
            await own_redis.kill()
        for node in both if gone == "postgres" else ():
            node.services.db.pool.terminate()
        async with asyncio.timeout(20):
            while any(worst(look.look()) < FAULT_S + 1.5 for look in looks):
                assert not any(node.gateway.cut_off for node in both)
                await asyncio.sleep(0.01)
        assert isinstance(await stays.ask("ping", {}), ReplyFrame)


def worst(seen: Seen) -> float:
    return max(seen.bus_age_s, seen.postgres_age_s)
