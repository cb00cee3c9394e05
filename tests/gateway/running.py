"""A node in a task of its own, to be stopped while its clients look on."""

from __future__ import annotations

import asyncio

from lumina_rt.app import Node
from lumina_rt.config import Settings
from tests.gateway.wire import TIMEOUT_S
from tests.house import nodes


class Running:
    """To be entered. After `stop` it drains, and `stopped` waits until it is gone."""

    def __init__(self, settings: Settings, **changes: object) -> None:
        self._settings, self._changes = settings, changes
        self._started: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()

    async def _run(self) -> None:
        try:
            async with nodes(self._settings, 1, **self._changes) as (node,):
                self._started.set_result(node)
                await self._stop.wait()
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def __aenter__(self) -> Node:
        self._task = asyncio.create_task(self._run())
        return await self._started

    def stop(self) -> None:
        self._stop.set()

    async def stopped(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self._task

    async def __aexit__(self, *error: object) -> None:
        self.stop()
        await self.stopped()
