"""Engines that a test may kill and start again."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from lumina_rt.dev import engines
from lumina_rt.dev.engines import Engines


class Supervisor:
    """Engines of the test's own. One thread starts them, since they die with their starter."""

    def __init__(self, home: Path, thread: ThreadPoolExecutor) -> None:
        self.home = home
        self.thread = thread
        self.running: Engines | None = None

    @property
    def database_url(self) -> str:
        assert self.running is not None
        return self.running.database_url()

    async def start(self) -> None:
        source: Any = os.environ.get("LUMINA_TEST_ENGINES") or None
        self.running = await asyncio.get_running_loop().run_in_executor(
            self.thread, lambda: engines.start(self.home, source=source)
        )

    async def kill_postgres(self) -> None:
        assert self.running is not None
        postmaster = psutil.Process(self.running.postgres.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, 10)
        assert alive == []

    async def stop(self) -> None:
        if self.running is not None:
            await asyncio.to_thread(self.running.stop)
