from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lumina_rt.dev.engines import Engines
from tests.bus.members import OwnRedis


@pytest.fixture
async def own_redis(running_engines: Engines, tmp_path: Path) -> AsyncIterator[OwnRedis]:
    own = OwnRedis(running_engines.binaries.redis, tmp_path)
    await own.start()
    try:
        yield own
    finally:
        await own.kill()
