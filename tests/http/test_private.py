"""What operators and their balancer ask."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession
from lumina_protocol.accounts import Login
from lumina_protocol.errors import LuminaError

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.gateway.running import Running
from tests.gateway.unharmed import database_held, unharmed, until
from tests.gateway.wire import new_name, new_token, websocket
from tests.house import PASSWORD, nodes

ALL_WELL = {"ready": True, "postgres": True, "delivery": True, "serving": True}


async def get(node: Node, path: str) -> tuple[int, Any]:
    url = f"http://{node.settings.private_host}:{node.private_port}{path}"
    async with ClientSession() as session, session.get(url) as response:
        if response.content_type == "application/json":
            return response.status, await response.json()
        return response.status, await response.text()


async def test_a_node_is_alive_and_ready_as_soon_as_it_runs(settings: Settings) -> None:
    async with unharmed(settings) as node:
        assert await get(node, "/healthz") == (200, {"alive": True})
        assert await get(node, "/readyz") == (200, ALL_WELL)


@pytest.mark.parametrize("failing", ["delivery", "postgres"])
async def test_a_check_that_fails_is_named_and_passes_again_when_it_recovers(
    settings: Settings, failing: str
) -> None:
    async with nodes(settings, 1) as (node,):

        def look_back() -> None:
            """As if nothing had come back for an hour; the next probe is at most 1 s away."""
            if failing == "delivery":
                node.bus.last_probe -= 3600
                node.tail.last_turn -= 3600
            else:
                node.heartbeat.last_beat -= 3600

        async with asyncio.timeout(8):
            look_back()
            while (answer := await get(node, "/readyz"))[0] == 200:
                look_back()
            assert answer == (503, ALL_WELL | {"ready": False, failing: False})
            assert await get(node, "/healthz") == (200, {"alive": True})
            while (answer := await get(node, "/readyz"))[0] == 503:
                pass
            assert answer == (200, ALL_WELL)


async def test_a_node_that_drains_is_not_ready_and_still_alive(settings: Settings) -> None:
    running = Running(settings)
    async with running as node, websocket(node, token=await new_token(node)) as wire:
        async with database_held(node):
            await wire.send(wire.request("conversation.list", {}))
            await wire.heard()
            running.stop()
            await until(lambda: node.gateway.draining)
            assert await get(node, "/readyz") == (
                503,
                ALL_WELL | {"ready": False, "serving": False},
            )
            assert await get(node, "/healthz") == (200, {"alive": True})
        await wire.answer()


async def test_the_metrics_count_what_happened(settings: Settings) -> None:
    async with unharmed(settings) as node:
        name = new_name()
        token = await new_token(node, name)
        async with Client(node.url, token=token), websocket(node) as wire:
            with pytest.raises(LuminaError, match="wrong_credentials"):
                async with Client(node.url) as stranger:
                    await stranger.call(Login(username=name, password=PASSWORD + "x"))
            await wire.send(wire.framed(b"\xc1"))
            await wire.close_code()
            await until(lambda: len(node.gateway.connections) == 1)
            status, text = await get(node, "/metrics")
    assert status == 200
    lines = set(text.splitlines())
    assert "lumina_connections 1.0" in lines
    assert 'lumina_closed_total{code="4500"} 1.0' in lines
    assert 'lumina_closed_total{code="1000"} 2.0' in lines
    for op, outcome in (
        ("account.register", "ok"),
        ("auth", "ok"),
        ("account.login", "wrong_credentials"),
    ):
        counted = f'lumina_request_seconds_count{{op="{op}",outcome="{outcome}"}} 1.0'
        assert counted in lines
    for name in ("lumina_deliveries", "lumina_refused", "lumina_bus_entries",
                 "lumina_task_failures"):  # fmt: skip
        assert f"# TYPE {name}_total counter" in lines


async def test_the_private_port_has_nothing_else_and_the_public_one_none_of_it(
    settings: Settings,
) -> None:
    async with unharmed(settings) as node:
        for path in ("/", "/v1/socket", "/metrics/x"):
            assert (await get(node, path))[0] == 404
        public = f"http://{node.settings.host}:{node.port}"
        async with ClientSession() as session:
            for path in ("/healthz", "/readyz", "/metrics"):
                async with session.get(public + path) as response:
                    assert response.status == 404
