"""One world for the tests of a module."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults import world as worlds
from tests.faults.node import SERVE
from tests.faults.world import World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="lumina-faults-"))
    folder.chmod(0o755)  # the engines run as another user than root
    try:
        count = getattr(request.module, "NODES", worlds.NODES)
        command = getattr(request.module, "COMMAND", SERVE)
        async with worlds.world(folder, count, command) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
