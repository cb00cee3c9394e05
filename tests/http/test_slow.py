"""Who sends drop by drop, so that it never ends, is cut: at every place where the node waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest
from aiohttp import web

from lumina_rt.config import Settings
from lumina_rt.http.public import MAX_BODY, public_app
from tests.gateway.unharmed import count, unharmed
from tests.gateway.wire import TIMEOUT_S, Wire, handshake, tcp

DROP_EVERY_S = 0.01
SOON_S = 0.3
"""The timeouts of these nodes: many drops, and far less than a test waits."""
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
ENDLESS = b"x" * int(TIMEOUT_S / DROP_EVERY_S)


async def everything(wire: Wire) -> bytes:
    """To the end, which may be a reset: a drop may come when the node waits no more."""
    said = bytearray()
    with suppress(ConnectionResetError):
        while more := await wire.reader.read(65_536):
            said += more
    return bytes(said)


async def drip(wire: Wire, drops: bytes) -> bytes:
    """Send byte by byte until the node ends the connection; returns what it has said. It does so
    before all is sent, or the test fails."""
    listening = asyncio.create_task(everything(wire))
    for drop in drops:
        await wire.pour(bytes((drop,)))
        done, _ = await asyncio.wait([listening], timeout=DROP_EVERY_S)
        if done:
            return listening.result()
    listening.cancel()
    raise AssertionError("the node has heard all of it")


@asynccontextmanager
async def measuring(body_timeout_s: float, work_s: float = 0) -> AsyncIterator[Wire]:
    """A connection to the application, with an operation that takes a body and then works on it:
    no operation takes one yet."""

    async def measure(request: web.Request) -> web.Response:
        size = len(await request.read())
        await asyncio.sleep(work_s)
        return web.json_response({"size": size})

    app = public_app(body_timeout_s)
    app.router.add_post("/measure", measure)
    runner = web.AppRunner(
        app, handle_signals=False, access_log=None, lingering_time=body_timeout_s
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        try:
            yield Wire(reader, writer)
        finally:
            writer.transport.abort()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("head", [GET + b"x: ", handshake()[:-2] + b"x: "], ids=["http", "ws"])
async def test_a_first_head_that_drips_is_refused(settings: Settings, head: bytes) -> None:
    async with unharmed(settings, header_timeout_s=SOON_S) as node, tcp(node) as wire:
        await wire.send(head)
        said = await drip(wire, ENDLESS)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert count(node, "lumina_refused_total", why="head") == 1


@pytest.mark.parametrize("drops", [GET + b"x: " + ENDLESS, b"\r\n" * len(ENDLESS)])
async def test_a_later_head_that_drips_ends_the_connection(
    settings: Settings, drops: bytes
) -> None:
    async with unharmed(settings, header_timeout_s=SOON_S) as node, tcp(node) as wire:
        for _ in range(2):
            await wire.send(GET + b"\r\n")
            assert (await wire.response()).status == 200
        assert await drip(wire, drops) == b""


async def test_a_body_that_nobody_wants_is_not_waited_for(settings: Settings) -> None:
    async with unharmed(settings, body_timeout_s=SOON_S) as node:
        for how in (
            b"Content-Length: 100000\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nffff\r\n",
        ):
            async with tcp(node) as wire:
                await wire.send(b"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + how)
                assert (await wire.response()).status == 404
                assert await drip(wire, ENDLESS) == b""


@pytest.mark.parametrize(
    ("how", "first"),
    [
        (b"Content-Length: 100000\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n", b"ffff\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n0\r\nTrailer: "),
    ],
    ids=["a length", "a chunk", "a trailer"],
)
async def test_a_body_that_drips_is_refused(how: bytes, first: bytes) -> None:
    async with measuring(SOON_S) as wire:
        await wire.send(b"POST /measure HTTP/1.1\r\nHost: x\r\n" + how + b"\r\n" + first)
        said = await drip(wire, ENDLESS)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    assert orjson.loads(body)["code"] == "too_slow"


async def test_a_handler_that_has_its_body_may_take_longer() -> None:
    async with measuring(body_timeout_s=0.1, work_s=0.3) as wire:
        for _ in range(2):
            await wire.send(b"POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
            response = await wire.response()
            assert (response.status, orjson.loads(response.body)) == (200, {"size": 5})


async def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_comes() -> None:
    async with measuring(SOON_S) as wire:
        length = b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1)
        await wire.send(b"POST /measure HTTP/1.1\r\nHost: x\r\n" + length)
        response = await wire.response()
    assert (response.status, response.headers["connection"]) == (413, "close")
    assert orjson.loads(response.body)["code"] == "too_large"
