"""A second Postgres that follows a first one, asynchronously, until it is promoted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import asyncpg

from lumina_rt.dev import engines
from lumina_rt.dev.engines import Engines, die_with_parent
from tests.store.supervisor import Supervisor

READY_S = 15


class Standby:
    """Of the Postgres that a supervisor has started, in a home and of a thread of the same kind."""

    def __init__(self, primary: Supervisor) -> None:
        assert primary.running is not None
        self.primary: Engines = primary.running
        self.thread: ThreadPoolExecutor = primary.thread
        self.home = self.primary.home
        self.data = self.home.data / "standby"
        self.run = self.home.run / "standby"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of the standby itself, for who wants to look into it or change it."""
        return f"postgresql://{engines.OWNER}@/postgres?host={quote(str(self.run), safe='')}"

    def either_url(self, database: str, user: str) -> str:
        """Of whichever of the two takes writes at the moment."""
        both = quote(f"{self.home.run},{self.run}", safe="")
        return f"postgresql://{user}@/{database}?host={both}&target_session_attrs=primary"

    async def start(self) -> None:
        """Copy the primary, and follow it."""
        self.home.make(self.data)
        self.home.make(self.run)
        copied = await asyncio.to_thread(
            self.home.command, self._program("pg_basebackup"), "-D", self.data, "-R",
            "-h", self.home.run, "-U", engines.OWNER, "-X", "stream", "-c", "fast",
        )  # fmt: skip
        assert copied.returncode == 0, copied.stderr
        loop = asyncio.get_running_loop()
        self.process = await loop.run_in_executor(self.thread, self._spawn)
        await self._until(
            "select exists (select from pg_stat_wal_receiver where status = 'streaming')"
        )

    async def catch_up(self) -> None:
        """Returns when it has all that the primary has written so far."""
        conn = await asyncpg.connect(self.primary.database_url())
        try:
            written = await conn.fetchval("select pg_current_wal_lsn()::text")
        finally:
            await conn.close()
        await self._until(f"select pg_last_wal_replay_lsn() >= '{written}'::pg_lsn")

    async def stop_following(self) -> None:
        """What the primary acknowledges from now on, the standby does not have."""
        await self._run("alter system set primary_conninfo = ''")
        await self._run("select pg_reload_conf()")
        await self._until("select not exists (select from pg_stat_wal_receiver)")

    async def promote(self) -> None:
        await self._run("select pg_promote(wait => true)")
        await self._until("select not pg_is_in_recovery()")

    async def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)

    def _program(self, name: str) -> Path:
        return self.primary.binaries.postgres / name

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = (
            f"unix_socket_directories={self.run}", "listen_addresses=", "fsync=off",
            "max_connections=200",  # not fewer than the primary has
        )  # fmt: skip
        flags = [part for setting in settings for part in ("-c", setting)]
        with (self.home.data / "standby.log").open("ab") as log:
            return subprocess.Popen(
                [str(self._program("postgres")), "-D", str(self.data), *flags],
                cwd=self.home.data, env=self.home.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, process_group=0,
                preexec_fn=die_with_parent(signal.SIGINT), **self.home.owner,  # noqa: PLW1509  (as engines)
            )  # fmt: skip

    async def _run(self, statement: str) -> None:
        conn = await asyncpg.connect(self.url)
        try:
            await conn.execute(statement)
        finally:
            await conn.close()

    async def _until(self, question: str) -> None:
        """Ask until the answer is yes, also while it does not answer at all yet."""
        async with asyncio.timeout(READY_S):
            while not await self._asked(question):
                await asyncio.sleep(0.02)

    async def _asked(self, question: str) -> bool:
        try:
            conn = await asyncpg.connect(self.url)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            return bool(await conn.fetchval(question))
        finally:
            await conn.close()
