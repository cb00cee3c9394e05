"""A node as a process of its own, where its memory is looked at."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientError, ClientSession
from pydantic import SecretStr

from lumina_rt.config import Settings
from tests.cli.command import COMMAND, environment, free_ports

READY_S = 30


@dataclass(frozen=True)
class Served:
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/socket"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> int:
        """Bytes that are resident now."""
        return self._status("VmRSS")

    def most_memory(self) -> int:
        """The most that ever were."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
        assert found
        return int(found[1]) * 1024


def _environment(settings: Settings, **changes: object) -> dict[str, str]:
    names = ("environment", "database_url", "redis_url", "redis_prefix", "secret", "blob_dir")
    given = {name: getattr(settings, name) for name in names} | changes
    text = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in given.items()
    }
    return environment(**text)


@asynccontextmanager
async def serving(settings: Settings, **changes: object) -> AsyncIterator[Served]:
    """Ready, and killed at the end. Uploads stay as they are."""
    port, private_port = free_ports(2)
    own = {"port": port, "private_port": private_port, "media_at_once": 0, **changes}
    with subprocess.Popen(
        [*COMMAND, "serve"], env=_environment(settings, **own), cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            await _ready(private_port)
            yield Served(port, process.pid)
        finally:
            process.kill()


async def _ready(private_port: int) -> None:
    async with asyncio.timeout(READY_S), ClientSession() as http:
        while True:
            try:
                async with http.get(f"http://127.0.0.1:{private_port}/readyz") as response:
                    if response.status == 200:
                        return
            except ClientError:
                pass
            await asyncio.sleep(0.1)
