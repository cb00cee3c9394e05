"""One world for the tests of a module."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from lumina_rt.client import Disconnected
from tests.faults import world as worlds
from tests.faults.world import World


def _bear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A request whose line broke while it was written leaves an answer that nobody waits for
    (Link.call). What broke is told by the call itself."""
    if not isinstance(context.get("exception"), Disconnected):
        loop.default_exception_handler(context)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    asyncio.get_running_loop().set_exception_handler(_bear)
    folder = Path(tempfile.mkdtemp(prefix="lumina-faults-"))
    folder.chmod(0o755)  # the engines run as another user than root
    try:
        async with worlds.world(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
