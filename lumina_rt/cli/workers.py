"""`lumina serve --workers N`: a node per core on one port, and a process that looks after them.

The kernel spreads new connections over the sockets that share a port (SO_REUSEPORT, socket(7)); it
is up to the nodes, which find each other by Redis as on machines of their own, that this is not
noticed. The first is started alone: what is wrong with the settings is said once.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import aiohttp
import anyio
import structlog

from lumina_rt.config import ConfigError, Settings
from lumina_rt.dev.engines import die_with_parent
from lumina_rt.telemetry import setup_logging

READY_POLL_S = 0.05
AGAIN_S, MAX_AGAIN_S = 1.0, 30.0
STEADY_S = 60.0
"""One that has run for so long is started again without having to wait for more than AGAIN_S."""

log = structlog.get_logger()


class Worker:
    """One node: a `lumina serve` of its own, which is started again when it ends by itself."""

    def __init__(self, settings: Settings, number: int) -> None:
        host, port = settings.private_host, settings.private_port + number
        self.name = f"{settings.node}-{number + 1}"
        self._ready_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz"
        self._environment = {
            "LUMINA_NODE": self.name,
            "LUMINA_PRIVATE_PORT": str(port),
            "LUMINA_REUSE_PORT": "true",
        }
        self._process: asyncio.subprocess.Process | None = None
        self._ending = asyncio.Event()

    async def start(self) -> asyncio.subprocess.Process:
        """In a process group of its own: Ctrl-C reaches us, and we pass it on once."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lumina_rt", "serve"),
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        return self._process

    async def ended_or_ready(self) -> int | None:
        """The exit code of one that has ended before it was ready, else None."""
        process = await self.start()
        async with aiohttp.ClientSession() as http:
            while process.returncode is None:
                with suppress(aiohttp.ClientError):
                    async with http.get(self._ready_url) as answer:
                        if answer.status == 200:
                            return None
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), READY_POLL_S)
        return self._code(process.returncode)

    async def keep(self) -> int:
        """Until it has been told to end; then its exit code."""
        again_s = AGAIN_S
        while True:
            began = time.monotonic()
            process = self._process or await self.start()
            code = await process.wait()
            self._process = None
            if self._ending.is_set():
                return self._code(code)
            lived_s = time.monotonic() - began
            again_s = AGAIN_S if lived_s > STEADY_S else min(again_s * 2, MAX_AGAIN_S)
            delay = random.uniform(AGAIN_S / 2, again_s)
            log.error("worker_ended", worker=self.name, exit_code=code, again_in_s=round(delay, 1))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), delay)
                return 0

    def send(self, which: signal.Signals) -> None:
        if which is not signal.SIGHUP:
            self._ending.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(which)

    def _code(self, code: int) -> int:
        """A node that is told to end before it listens for that is ended by the signal."""
        return 0 if self._ending.is_set() and code == -signal.SIGTERM else code


async def run(settings: Settings, count: int) -> int:
    """The exit code, once all have drained. Raises ConfigError, OSError when the port is taken."""
    _check(settings, count)
    setup_logging(settings.log_format, settings.log_level)
    workers = [Worker(settings, number) for number in range(count)]
    # Without TLS a node does not listen for SIGHUP, and would be ended by it.
    passed = signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if settings.tls_cert else [])
    with _reserved(settings), anyio.open_signal_receiver(*passed) as signals:
        passing = asyncio.create_task(_pass_on(signals, workers))
        try:
            code = await workers[0].ended_or_ready()
            if code is not None:
                return code
            return max(map(abs, await asyncio.gather(*(worker.keep() for worker in workers))))
        finally:
            passing.cancel()


def _check(settings: Settings, count: int) -> None:
    named = {"LUMINA_PORT": settings.port, "LUMINA_PRIVATE_PORT": settings.private_port}
    problems = [
        f"{name} is 0: with --workers, name a port" for name, port in named.items() if not port
    ]
    if settings.private_port + count > 65536:
        problems.append(f"LUMINA_PRIVATE_PORT is too high: the {count} after it are needed as well")
    if settings.private_url:
        problems.append("LUMINA_PRIVATE_URL names one node: leave it out with --workers")
    if problems:
        raise ConfigError(*problems)


@contextmanager
def _reserved(settings: Settings) -> Iterator[None]:
    """The port is nobody else's, and stays ours while workers come and go: a socket that does not
    listen is given no connections."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    where = settings.host, settings.port
    try:
        socket.create_server(where, family=family).close()
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(where)
    except OSError as error:
        why = error.strerror or error
        raise OSError(
            f"cannot listen on {where[0]}:{where[1]} ({why}); set LUMINA_PORT to a free port"
        ) from error
    with held:
        yield


async def _pass_on(signals: AsyncIterator[signal.Signals], workers: list[Worker]) -> None:
    async for which in signals:
        for worker in workers:
            worker.send(which)
