"""Who a client is by its address, and how much one address may have."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest
from lumina_protocol.frame import ReplyFrame
from structlog.testing import capture_logs

from lumina_rt.app import Node
from lumina_rt.config import Settings
from lumina_rt.gateway import edge
from tests.gateway.inside import connection_of
from tests.gateway.unharmed import count, nothing_failed, unharmed, until
from tests.gateway.wire import HttpResponse, handshake, tcp, websocket
from tests.house import nodes

PROXY, INNER = "127.0.0.2", "127.0.0.3"
TRUSTED = (ip_network(f"{PROXY}/32"), ip_network(f"{INNER}/32"))
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def asked(node: Node, source: str | None = None, **headers: str) -> HttpResponse:
    """The answer to a handshake from this address."""
    async with tcp(node, source=source) as wire:
        await wire.send(handshake(**headers))
        return await wire.response()


async def nobody_counts(node: Node) -> None:
    """But in the memory of handshakes."""
    gateway = node.gateway
    await until(
        lambda: not (gateway.connections or gateway.strangers or gateway.http_protocol.connections)
    )
    assert sum(gateway.admission.connections.values()) == 0


@pytest.mark.parametrize(
    ("source", "forwarded", "address"),
    [
        ("127.0.0.1", {}, "127.0.0.1"),
        ("127.0.0.1", {"X_Forwarded_For": "198.51.100.7"}, "127.0.0.1"),
        (PROXY, {"X_Forwarded_For": "198.51.100.7, 192.0.2.1"}, "192.0.2.1"),
        (PROXY, {"x_forwarded_for": f"2001:db8::1,{INNER}"}, "2001:db8::1"),
        (PROXY, {"X_Forwarded_For": "192.0.2.1", "x_forwarded_for": INNER}, "192.0.2.1"),
        (PROXY, {"X_Forwarded_For": "unknown"}, PROXY),
        (PROXY, {}, PROXY),
    ],
)
async def test_only_a_trusted_proxy_is_believed_who_its_client_is(
    settings: Settings, source: str, forwarded: dict[str, str], address: str
) -> None:
    async with unharmed(settings, trusted_proxies=TRUSTED) as node:
        async with tcp(node, source=source) as wire:
            await wire.send(handshake(**forwarded))
            assert (await wire.response()).status == 101
            await wire.hello()
            connection = connection_of(node, wire)
            assert (str(connection.address), connection.ctx.address) == (address, address)
        await nobody_counts(node)


async def test_a_proxy_that_is_not_trusted_is_told_of_once(settings: Settings) -> None:
    with capture_logs() as said:
        async with unharmed(settings, trusted_proxies=TRUSTED) as node:
            await asked(node, PROXY, X_Forwarded_For="192.0.2.1")
            assert not [line for line in said if "LUMINA_TRUSTED_PROXIES" in line["event"]]
            for _ in range(3):
                await asked(node, "127.0.0.9", X_Forwarded_For="192.0.2.1")
    (told,) = (line for line in said if "LUMINA_TRUSTED_PROXIES" in line["event"])
    assert told["peer"] == "127.0.0.9"


async def test_who_opens_websockets_too_fast_is_told_when_to_come_again(
    settings: Settings,
) -> None:
    async with nodes(settings, 1, handshakes_burst=3, handshakes_per_s=0.5) as (node,):
        assert (await asked(node)).status == 101
        assert (await asked(node, Upgrade="websocket, h2c")).status == 426, "it counts too"
        assert (await asked(node)).status == 101
        refused = await asked(node)
        assert (refused.status, refused.headers["retry-after"]) == (429, "2")
        assert b"LUMINA_HANDSHAKES_PER_S" in refused.body
        assert b"LUMINA_TRUSTED_PROXIES" in refused.body
        assert count(node, "lumina_refused_total", why="handshakes") == 1
        assert (await asked(node, "127.0.0.9")).status == 101, "another address"
        async with tcp(node) as wire:
            await wire.send(GET)
            assert (await wire.response()).status == 200, "HTTP is no handshake"
        await nobody_counts(node)
        nothing_failed(node)


async def test_behind_a_proxy_clients_are_counted_and_not_the_proxy(settings: Settings) -> None:
    changes = {"trusted_proxies": TRUSTED, "handshakes_burst": 1, "handshakes_per_s": 0.01}
    async with nodes(settings, 1, **changes, max_connections_per_address=1) as (node,):
        for client, status in (
            ("192.0.2.1", 101),
            ("192.0.2.2", 101),
            ("192.0.2.1", 429),
            ("2001:db8::1", 101),
            ("2001:db8::ffff", 429),
            ("2001:db8:0:1::1", 101),
        ):
            assert (await asked(node, PROXY, X_Forwarded_For=client)).status == status, client
        assert (await asked(node, "127.0.0.9", X_Forwarded_For="192.0.2.9")).status == 101
        assert (await asked(node, "127.0.0.9", X_Forwarded_For="192.0.2.8")).status == 429
        await nobody_counts(node)
        nothing_failed(node)


async def test_an_address_with_too_many_connections_waits_until_one_has_ended(
    settings: Settings,
) -> None:
    async with unharmed(settings, max_connections_per_address=3) as node:
        async with tcp(node) as silent, tcp(node) as http, websocket(node) as open_one:
            await http.send(GET)
            assert (await http.response()).status == 200
            await until(lambda: node.gateway.strangers == 1)
            for early in (b"", GET, handshake(), b"x" * 100_000):
                async with tcp(node) as wire:
                    wire.writer.write(early)
                    refused = await wire.response()
                    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
                    assert b"LUMINA_MAX_CONNECTIONS_PER_ADDRESS" in refused.body
                    assert await wire.rest() == b""
            assert count(node, "lumina_refused_total", why="address") == 4
            assert (await asked(node, "127.0.0.9")).status == 101, "another address"
            assert isinstance(await open_one.ask("ping", {}), ReplyFrame)
            http.cut()
            await until(lambda: not node.gateway.http_protocol.connections)
            async with websocket(node) as wire:
                assert (await asked(node)).status == 429
                assert isinstance(await wire.ask("ping", {}), ReplyFrame)
            await silent.send(b"nonsense\r\n\r\n")
            assert (await silent.response()).status == 400
        await nobody_counts(node)


async def test_each_client_of_a_proxy_has_its_own_connections(settings: Settings) -> None:
    changes = {"trusted_proxies": TRUSTED, "max_connections_per_address": 1}
    async with unharmed(settings, **changes) as node:
        async with tcp(node, source=PROXY) as one, tcp(node, source=PROXY) as http:
            await one.send(handshake(X_Forwarded_For="192.0.2.1"))
            assert (await one.response()).status == 101
            await http.send(GET)
            assert (await http.response()).status == 200, "for many, so it counts to nobody"
            again = await asked(node, PROXY, X_Forwarded_For="192.0.2.1")
            assert again.status == 429
            assert b"LUMINA_MAX_CONNECTIONS_PER_ADDRESS" in again.body
            assert (await asked(node, PROXY, X_Forwarded_For="192.0.2.2")).status == 101
        await nobody_counts(node)
        assert (await asked(node, PROXY, X_Forwarded_For="192.0.2.1")).status == 101


async def test_refused_connections_do_not_pile_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "MOST_LINGERING", 2)
    async with unharmed(settings, max_connections_per_address=1) as node:
        async with tcp(node) as only:
            async with tcp(node) as one, tcp(node) as two:
                for wire in (one, two):
                    assert (await wire.response()).status == 429
                async with tcp(node) as three:
                    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                        await three.response()
            await until(lambda: node.gateway.lingering == 0)
            async with tcp(node) as wire:
                assert (await wire.response()).status == 429
            await only.send(b"nonsense\r\n\r\n")
            assert (await only.response()).status == 400
        await nobody_counts(node)
