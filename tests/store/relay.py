"""Stands between a pool and Postgres, and breaks connections at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"


class Relay:
    """Made for one database URL with a unix socket; `url` leads through the relay to it."""

    def __init__(self, folder: Path, database_url: str) -> None:
        split = urlsplit(database_url)
        self.url = f"postgresql://{split.netloc}{split.path}?host={quote(str(folder), safe='')}"
        self.committed = b"COMMIT\0"
        """The tag of CommandComplete with which Postgres says so, see its "Message Formats"."""
        self.lose_commit_answers = 0
        """So often, cut the line when Postgres says that it has committed, before it is heard."""
        self.cut_after_commit = False
        """Let the client hear it, and cut the line at whatever it says next."""
        self._behind = f"{parse_qs(split.query)['host'][0]}/{SOCKET}"
        self._socket = folder / SOCKET
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._socket)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._socket.unlink(missing_ok=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._behind)
        committed = False

        def may_ask(data: bytes) -> bool:
            return not (committed and self.cut_after_commit)

        def may_answer(data: bytes) -> bool:
            nonlocal committed
            committed = committed or self.committed in data
            if committed and self.lose_commit_answers:
                self.lose_commit_answers -= 1
                return False
            return True

        pumps = [
            asyncio.create_task(_pump(client, to_server, may_ask)),
            asyncio.create_task(_pump(server, to_client, may_answer)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for writer in (to_client, to_server):
            writer.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Callable[[bytes], bool]
) -> None:
    """Pass on what comes, until something may not pass or the line ends."""
    while (data := await reader.read(65_536)) and may_pass(data):
        writer.write(data)
