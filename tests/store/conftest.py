from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.store.supervisor import Supervisor


@pytest.fixture
def own_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="lumina-test-"))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def supervisor(own_home: Path) -> AsyncIterator[Supervisor]:
    with ThreadPoolExecutor(1) as thread:
        supervisor = Supervisor(own_home, thread)
        await supervisor.start()
        try:
            yield supervisor
        finally:
            await supervisor.stop()
