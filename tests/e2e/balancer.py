"""What stands before several nodes: each new connection goes to one that says it is ready."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from lumina_rt.app import Node

HOST = "127.0.0.1"


class Balancer:
    """To be entered. Asks the nodes at each connection, not now and then as a real one does."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Balancer:
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.url = f"ws://{HOST}:{self._server.sockets[0].getsockname()[1]}/v1/socket"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._pass_on(client, to_client))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        ready = [node for node in self.nodes if all(node.checks().values())]
        server, to_server = await asyncio.open_connection(HOST, random.choice(ready).port)
        try:
            await asyncio.gather(_pump(client, to_server), _pump(server, to_client))
        finally:
            to_server.transport.abort()
            to_client.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
