"""What is not a websocket, on the port of the websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import orjson
import pytest
from aiohttp import ClientSession, web

from lumina_rt.config import Settings
from lumina_rt.http.public import MAX_BODY, public_app
from tests.gateway.unharmed import unharmed
from tests.gateway.wire import TIMEOUT_S, handshake, tcp


def http(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""]).encode() + body


async def test_the_root_says_where_the_websocket_is(settings: Settings) -> None:
    async with unharmed(settings) as node, tcp(node) as wire:
        await wire.send(http("GET /"))
        response = await wire.response()
        about = orjson.loads(response.body)
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert about["websocket"] == "/v1/socket"
    assert about["protocol"] == 1
    assert about["server"].startswith("lumina-rt/")


async def test_errors_have_the_shape_that_they_have_on_the_websocket(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for line, status, code in (
            ("POST /nowhere", 404, "not_found"),
            ("GET /v1/socket", 426, "upgrade_required"),
            ("GET /%00", 404, "not_found"),
            ("GET //", 404, "not_found"),
            ("POST /", 405, "method_not_allowed"),
            ("DELETE /", 405, "method_not_allowed"),
        ):
            async with tcp(node) as wire:
                await wire.send(http(line, "Content-Length: 0"))
                response = await wire.response()
            assert response.status == status, line
            error = orjson.loads(response.body)
            assert (error["code"], error["temporary"]) == (code, False)
            assert error["message"]
            assert ("GET" in response.headers.get("allow", "")) is (status == 405)


async def test_two_requests_may_come_on_one_connection_one_after_the_other_or_together(
    settings: Settings,
) -> None:
    async with unharmed(settings) as node, tcp(node) as wire:
        for statuses in ([200, 404, 200], [404], [200]):
            lines = {200: "GET /", 404: "GET /nowhere"}
            await wire.send(b"".join(http(lines[status]) for status in statuses))
            assert [(await wire.response()).status for _ in statuses] == statuses


async def test_http_may_come_byte_by_byte(settings: Settings) -> None:
    async with unharmed(settings) as node, tcp(node) as wire:
        for byte in http("POST /nowhere", "Content-Length: 5", body=b"hello"):
            await wire.send(bytes((byte,)))
            await asyncio.sleep(0)  # the node, in this loop, gets each byte for itself
        assert (await wire.response()).status == 404


async def test_a_connection_that_began_as_http_does_not_become_a_websocket(
    settings: Settings,
) -> None:
    async with unharmed(settings) as node, tcp(node) as wire:
        await wire.send(http("GET /"))
        assert (await wire.response()).status == 200
        await wire.send(handshake())
        assert (await wire.response()).status == 426


async def test_a_large_body_that_nobody_asked_for_is_not_taken_in(settings: Settings) -> None:
    size = 50_000_000
    async with unharmed(settings) as node:
        for line in ("POST /", "POST /nowhere"):
            async with tcp(node) as wire:
                sending = asyncio.create_task(
                    wire.pour(http(line, f"Content-Length: {size}"), *[b"x" * 100_000] * 500)
                )
                assert (await wire.response()).status == 413
                assert not sending.done(), "the answer does not wait for the body"
                wire.cut()
                await asyncio.wait([sending])


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY, 200), (MAX_BODY + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_larger_than_a_handler_takes_is_refused(
    size: int, status: int, chunked: bool
) -> None:
    """No operation takes a body yet, so this one is added to the application."""

    async def measure(request: web.Request) -> web.Response:
        return web.json_response({"size": len(await request.read())})

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 1000):
            yield b"x" * min(1000, size - start)

    app = public_app(TIMEOUT_S)
    app.router.add_post("/measure", measure)
    runner = web.AppRunner(app, handle_signals=False, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with (
            ClientSession() as session,
            session.post(
                f"http://{host}:{port}/measure",
                data=in_chunks() if chunked else BytesIO(b"x" * size),
            ) as response,
        ):
            answer = await response.json()
    finally:
        await runner.cleanup()
    assert response.status == status
    assert answer.get("size", size) == size
    assert answer.get("code", "too_large") == "too_large"
