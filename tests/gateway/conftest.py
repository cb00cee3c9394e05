"""One database for the whole room: what is tested here is the way to it, not what is in it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from lumina_rt.dev.engines import Engines


@pytest.fixture(scope="session")
def database_url(running_engines: Engines, template: str) -> str:
    """Users of earlier tests are in it. It goes when the engines go."""
    name = f"gateway_{uuid4().hex}"

    async def make() -> None:
        connection = await asyncpg.connect(running_engines.database_url())
        try:
            await connection.execute(f"create database {name} template {template}")
        finally:
            await connection.close()

    asyncio.run(make())
    return running_engines.database_url(name)
