"""A Postgres and a Redis of the suite's own, each to be killed, stopped and started by itself.

fsync is off: killing a process loses nothing that the kernel has, so nothing here speaks of a
power cut.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil
from redis.asyncio import Redis

from lumina_rt.dev import binaries, engines
from lumina_rt.dev.home import Home, prepare, usable
from lumina_rt.store import migrate

DATABASE = "faults"
START_TIMEOUT_S = 60
OPTIONS = ("fsync=off",)
POSTGRES_SOCKET = ".s.PGSQL.5432"


@dataclass(slots=True)
class OwnEngines:
    """Start from the main thread: what it starts dies with the thread that did it."""

    home: Home
    programs: binaries.Binaries
    postgres: engines.Process
    redis: engines.Process
    postgres_run: Path
    """Where the socket is of the Postgres that takes writes."""

    @property
    def postgres_socket(self) -> Path:
        return self.postgres_run / POSTGRES_SOCKET

    @property
    def redis_socket(self) -> Path:
        return self.home.run / "redis.sock"

    @property
    def database_url(self) -> str:
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        host = quote(str(self.postgres_run), safe="")
        return f"postgresql://{engines.OWNER}@/{database}?host={host}"

    async def make_database(self) -> None:
        connection = await asyncpg.connect(self._url("postgres"))
        try:
            await connection.execute(f"create database {DATABASE}")
        finally:
            await connection.close()
        await migrate.migrate(self.database_url)

    async def stop_postgres(self) -> None:
        """At once, without a checkpoint: it recovers at the next start, as after a crash."""
        self.postgres.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(self.postgres.wait, START_TIMEOUT_S)

    async def start_postgres(self) -> None:
        self.postgres = engines._start_postgres(self.home, self.programs, OPTIONS)
        await self._wait_for_postgres()

    async def _wait_for_postgres(self) -> None:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not engines._postgres_ready(self.home, self.postgres):
                assert self.postgres.poll() is None, f"see {self.home.data}/postgres.log"
                await asyncio.sleep(0.02)

    async def kill_redis(self) -> None:
        self.redis.kill()
        await asyncio.to_thread(self.redis.wait)

    async def start_redis(self, *, empty: bool = False) -> None:
        if empty:
            await asyncio.to_thread(shutil.rmtree, self.home.data / "redis")
        self.redis = engines._start_redis(self.home, self.programs)
        await self._wait_for_redis()

    async def _wait_for_redis(self) -> None:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not engines._redis_ready(self.home):
                assert self.redis.poll() is None, f"see {self.home.data}/redis.log"
                await asyncio.sleep(0.02)

    async def flush_redis(self) -> None:
        async with Redis.from_url(f"unix://{self.redis_socket}") as redis:
            await redis.flushall()

    def signal_postgres(self, number: signal.Signals) -> None:
        """All its processes."""
        postmaster = psutil.Process(self.postgres.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family if number == signal.SIGSTOP else reversed(family):
            with suppress(ProcessLookupError):  # they come and go
                os.kill(process.pid, number)

    async def stop(self) -> None:
        """For good, whatever state they are in."""
        for process in (self.redis, self.postgres):
            process.send_signal(signal.SIGCONT)
        if self.postgres.poll() is None:
            self.signal_postgres(signal.SIGCONT)
            await self.stop_postgres()
        await self.kill_redis()


async def start(folder: Path) -> OwnEngines:
    """In that folder, with a database that has the schema."""
    home = prepare(folder)
    source: Any = os.environ.get("LUMINA_TEST_ENGINES") or None
    programs = usable(home, binaries.find(source))
    await asyncio.to_thread(engines._initdb, home, programs)
    postgres = engines._start_postgres(home, programs, OPTIONS)
    redis = engines._start_redis(home, programs)
    own = OwnEngines(home, programs, postgres, redis, home.run)
    try:
        await own._wait_for_postgres()
        await own._wait_for_redis()
        await own.make_database()
    except BaseException:
        await own.stop()
        raise
    return own
