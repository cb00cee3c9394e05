"""Drafts whose time has come, one author beside another."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg

from lumina_rt.config import Settings
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.publishing import Publishing
from tests.workers.rows import database, user

DRAFT = """
insert into post_drafts (user_id, draft_id, body, publish_at)
values ($1, $2, '{"post_type": "text", "caption": "hello"}', now() - interval '1 minute')
"""


async def published(pg: asyncpg.Connection) -> list[UUID]:
    rows = await pg.fetch("select user_id from posts order by user_id")
    return [row["user_id"] for row in rows]


async def test_an_author_of_whom_others_hold_something_does_not_hold_up_the_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    held, free = [await user(pg) for _ in range(2)]
    for author in (held, held, free):
        await pg.execute(DRAFT, author, uuid4())
    async with database(settings, lock_timeout_ms=100) as db:
        one = Publishing(db, Telemetry("test"))
        async with pg.transaction():
            await pg.execute("select from user_streams where user_id = $1 for update", held)
            await one.turn()
            assert await published(pg) == [free]
        await one.turn()
        assert await published(pg) == sorted([held, held, free])
