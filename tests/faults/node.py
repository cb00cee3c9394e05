"""A node of the suite: `serve` as a process, behind relays of its own to Postgres and Redis."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from lumina_rt.dev.engines import WRITER, die_with_parent
from tests.faults.engines import DATABASE, POSTGRES_SOCKET, OwnEngines
from tests.faults.relay import HOST, Relay
from tests.house import LOOSE

ROOT = Path(__file__).parents[2]
READY_TIMEOUT_S = 60
SECRET = "0f6b1c2d9e8a7f5b4c3d2e1f0a9b8c7d"
SERVE = ("-m", "lumina_rt", "serve")


@dataclass(slots=True)
class FaultyNode:
    name: str
    port: int
    private_port: int
    postgres: Relay
    redis: Relay
    folder: Path
    command: tuple[str, ...] = SERVE
    process: subprocess.Popen[bytes] | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the fault that has its process in its hands."""

    @classmethod
    async def make(
        cls, name: str, ports: tuple[int, int], engines: OwnEngines, folder: Path
    ) -> FaultyNode:
        """With its relays running, and the process not started yet."""
        folder.mkdir()
        postgres = Relay(folder / POSTGRES_SOCKET, engines.postgres_socket)
        redis = Relay(folder / "redis.sock", engines.redis_socket)
        await postgres.start()
        await redis.start()
        return cls(name, *ports, postgres, redis, folder)

    @property
    def log(self) -> Path:
        return self.folder / "node.log"

    @property
    def url(self) -> str:
        """Past the relays of clients."""
        return f"ws://{HOST}:{self.port}/v1/socket"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LUMINA_")}
        host = quote(str(self.folder), safe="")
        settings = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": f"postgresql://{WRITER}@/{DATABASE}?host={host}",
            "REDIS_URL": f"unix://{self.folder}/redis.sock",
            "REDIS_PREFIX": "faults",
            "SECRET": SECRET,
            "BLOB_DIR": str(self.folder / "blobs"),
            "HOST": HOST,
            "PORT": str(self.port),
            "PRIVATE_HOST": HOST,
            "PRIVATE_PORT": str(self.private_port),
            "NODE": self.name,
            "PASSWORD_ROUNDS": "4",
            "REQUESTS_PER_S": "1000",
            "REQUESTS_BURST": "2000",
            **{name.upper(): rate for name, rate in LOOSE.items()},
            "HANDSHAKES_PER_S": "1000",
            "DRAIN_S": "2",
        }
        return {**kept, **{f"LUMINA_{name}": value for name, value in settings.items()}}

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], env=self.environment, cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, process_group=0,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  (only calls prctl)
            )  # fmt: skip

    async def come_back(self) -> None:
        """Until it is ready; started again when it ends, as whoever keeps nodes running does."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not await asyncio.to_thread(self._is_ready):
                if self.process is None or self.process.poll() is not None:
                    self.start()
                await asyncio.sleep(0.1)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.private_port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    async def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)

    async def drain(self, within_s: float = 15) -> None:
        """SIGTERM, and wait for the end; killed when it takes too long, as by an orchestrator."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self.process.wait, within_s)
        await self.kill()

    async def stop(self) -> None:
        await self.kill()
        await self.postgres.stop()
        await self.redis.stop()
