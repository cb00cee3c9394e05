"""Buses wired by hand, as members of one cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from uuid import uuid4

import anyio
from lumina_protocol.fields import uuid7

from lumina_rt.app import keep_running
from lumina_rt.bus.bus import Bus, connect
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.dev.engines import die_with_parent
from lumina_rt.telemetry import Telemetry

USER = uuid7()
LIMIT_S = 15
"""What does not arrive by then does not arrive."""


@dataclass
class Member:
    """A bus, and what it has delivered."""

    bus: Bus
    got: asyncio.Queue[bytes]

    async def take(self, count: int) -> list[bytes]:
        """The payloads of the next deliveries; waits until there are so many."""
        return [await self.got.get() for _ in range(count)]

    def counted(self, what: str) -> float:
        labels = {"what": what}
        value = self.bus.telemetry.registry.get_sample_value("lumina_bus_entries_total", labels)
        return value or 0

    def say(self, *payloads: bytes) -> None:
        self.bus.publish(deliveries(payloads))


def deliveries(payloads: Iterable[bytes]) -> list[Delivery]:
    return [Delivery(keys([USER]), payload, (USER, 1)) for payload in payloads]


def numbered(name: str, first: int, last: int) -> list[bytes]:
    return [f"{name} {number}".encode() for number in range(first, last + 1)]


def member(url: str, name: str, prefix: str) -> Member:
    got: asyncio.Queue[bytes] = asyncio.Queue()
    telemetry = Telemetry(name)
    bus = Bus(connect(url), prefix, f"{name}#1", lambda d: got.put_nowait(d.payload), telemetry)
    return Member(bus, got)


@asynccontextmanager
async def cluster(url: str, *names: str) -> AsyncIterator[list[Member]]:
    """Members that know each other and whose loops are kept running, as in a node."""
    prefix = f"test-{uuid4().hex}"
    members = [member(url, name, prefix) for name in names]
    everybody = {each.bus.node_id for each in members}
    try:
        for each in members:
            each.bus.peers = everybody - {each.bus.node_id}
            await each.bus.probe()
        async with asyncio.timeout(LIMIT_S), anyio.create_task_group() as tasks:
            for each in members:
                for loop in (each.bus.run_reader, each.bus.run_publisher):
                    tasks.start_soon(keep_running, loop.__name__, loop, each.bus.telemetry)
            yield members
            tasks.cancel_scope.cancel()
    finally:
        for each in members:
            await each.bus.close()


@dataclass
class OwnRedis:
    """A Redis that the test may kill and start again. What it acknowledged, it keeps."""

    program: Path
    folder: Path
    process: asyncio.subprocess.Process | None = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    async def start(self) -> None:
        """Returns when it says that it accepts connections."""
        self.process = await asyncio.create_subprocess_exec(
            self.program, "--port", "0", "--unixsocket", self.folder / "redis.sock",
            "--dir", self.folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            stdout=asyncio.subprocess.PIPE, preexec_fn=die_with_parent(SIGKILL),
        )  # fmt: skip
        assert self.process.stdout is not None
        said = b""
        while b"ready to accept connections" not in said.lower():
            said = await self.process.stdout.readline()
            assert said, "redis ended while it was starting"

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
