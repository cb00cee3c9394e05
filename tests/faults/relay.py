"""Stands between two parties, and stalls, cuts or drips what they say."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["pass", "stall", "cut", "drip"]
"""Stall: connections stay and nothing gets through, until healed. Cut: connections break, new ones
are refused. Drip: a few bytes at a time."""
Address = Path | int
"""A unix socket, or a port of this machine."""

CHUNK = 65_536
DRIP_BYTES, DRIP_S = 256, 0.01
HOST = "127.0.0.1"


@dataclass(slots=True, eq=False)
class Relay:
    """Made for an address to listen on, and the one to lead to."""

    front: Address
    behind: Address
    mode: Mode = "pass"
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _lines: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._open.set()
        if isinstance(self.front, Path):
            self._server = await asyncio.start_unix_server(self._serve, self.front)
        else:
            self._server = await asyncio.start_server(self._serve, HOST, self.front)
            self.front = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.cut_lines()

    async def set(self, mode: Mode) -> None:
        """From now on; what a stall held back goes on when it is over."""
        self.mode = mode
        if mode == "stall":
            self._open.clear()
        else:
            self._open.set()
        if mode == "cut":
            await self.cut_lines()

    async def cut_lines(self) -> None:
        """Break the connections that are open; new ones are welcome."""
        for line in list(self._lines):
            line.cancel()
        if self._lines:
            await asyncio.wait(list(self._lines))

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        try:
            with suppress(OSError):
                await self._connect(client, to_client)
            to_client.close()
        except asyncio.CancelledError:
            to_client.transport.abort()
        finally:
            self._lines.discard(line)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.mode == "cut":
            return
        if isinstance(self.behind, Path):
            server, to_server = await asyncio.open_unix_connection(self.behind)
        else:
            server, to_server = await asyncio.open_connection(HOST, self.behind)
        pumps = [
            asyncio.create_task(self._pump(client, to_server)),
            asyncio.create_task(self._pump(server, to_client)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:  # what is written already is still sent
            for pump in pumps:
                pump.cancel()
            to_server.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(DRIP_BYTES if self.mode == "drip" else CHUNK):
                await self._open.wait()
                if self.mode == "drip":
                    await asyncio.sleep(DRIP_S)
                writer.write(data)
                await writer.drain()
