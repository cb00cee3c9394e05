"""A relay stalls, cuts and drips, and heals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.relay import DRIP_BYTES, HOST, Relay

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LONG = bytes(range(256)) * 40
assert len(LONG) > 10 * DRIP_BYTES


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    server = await asyncio.start_unix_server(echo, tmp_path / "behind")
    relay = Relay(0, tmp_path / "behind")
    await relay.start()
    yield relay
    await relay.stop()
    server.close()


@asynccontextmanager
async def line(relay: Relay) -> AsyncIterator[Line]:
    assert isinstance(relay.front, int)
    reader, writer = await asyncio.open_connection(HOST, relay.front)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def comes_back(line: Line, data: bytes) -> bool:
    reader, writer = line
    writer.write(data)
    try:
        return await reader.readexactly(len(data)) == data
    except (OSError, asyncio.IncompleteReadError):
        return False


async def new_line_works(relay: Relay) -> bool:
    async with line(relay) as opened:
        return await comes_back(opened, b"anything")


async def test_what_is_said_gets_through(relay: Relay) -> None:
    async with line(relay) as opened:
        assert await comes_back(opened, LONG)


async def test_a_stall_holds_back_until_it_is_over(relay: Relay) -> None:
    async with line(relay) as opened:
        reader, writer = opened
        assert await comes_back(opened, b"before")
        await relay.set("stall")
        writer.write(b"meanwhile")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        await relay.set("pass")
        assert await reader.readexactly(9) == b"meanwhile"


async def test_a_cut_breaks_lines_and_refuses_new_ones_until_it_is_over(relay: Relay) -> None:
    async with line(relay) as opened:
        assert await comes_back(opened, b"before")
        await relay.set("cut")
        assert not await comes_back(opened, b"meanwhile")
    assert not await new_line_works(relay)
    await relay.set("pass")
    assert await new_line_works(relay)


async def test_lines_that_are_cut_once_may_come_back_at_once(relay: Relay) -> None:
    async with line(relay) as opened:
        assert await comes_back(opened, b"before")
        await relay.cut_lines()
        assert not await comes_back(opened, b"meanwhile")
    assert await new_line_works(relay)


async def test_drops_fall_slowly_and_none_is_lost(relay: Relay) -> None:
    await relay.set("drip")
    began = asyncio.get_running_loop().time()
    async with line(relay) as opened:
        assert await comes_back(opened, LONG)
    assert asyncio.get_running_loop().time() - began > 0.3


async def test_a_party_that_leaves_takes_the_other_with_it(relay: Relay) -> None:
    async with line(relay) as opened:
        reader, writer = opened
        assert await comes_back(opened, b"last")
        writer.write_eof()
        assert await reader.read() == b""
