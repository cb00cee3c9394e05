"""Races on purpose: a test holds a lock until somebody waits for it."""

from __future__ import annotations

import asyncio

import asyncpg

WAITING = """
select count(*) from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))"""


async def awaited(pg: asyncpg.Connection, by: int = 1) -> None:
    """Until so many wait for this connection."""
    async with asyncio.timeout(5):
        while await pg.fetchval(WAITING) < by:
            pass
