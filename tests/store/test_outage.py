"""Postgres is killed, as the kernel or a power cut would do it, and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from lumina_protocol.errors import Unavailable

from lumina_rt.store import db as store
from lumina_rt.store.db import Db, StoreUnreachable
from lumina_rt.store.queries import parse
from tests.store.supervisor import Supervisor

SAVE = parse("t.save", "insert into notes (note) values (:note)")
ALL = parse("t.all", "select note from notes order by note")


@asynccontextmanager
async def open_db(url: str) -> AsyncIterator[Db]:
    pool = await store.connect(url, size=2)
    try:
        yield Db(pool, lambda emitted: None)
    finally:
        await store.close(pool, within=1)


async def save(db: Db, note: str) -> None:
    async with db.tx() as tx:
        await tx.run(SAVE, note=note)


async def read(db: Db) -> list[str]:
    async with db.read() as tx:
        return [row["note"] for row in await tx.all(ALL)]


@pytest.mark.timeout(60)
async def test_while_postgres_is_dead_requests_are_unavailable_and_when_it_is_back_they_are_served(
    supervisor: Supervisor,
) -> None:
    url = supervisor.database_url

    async def write_when_it_dies(db: Db) -> None:
        async with db.tx() as tx:
            await tx.run(SAVE, note="not acknowledged")
            await supervisor.kill_postgres()

    async with open_db(url) as db:
        async with db.tx() as tx:
            await tx.conn.execute("create table notes (note text primary key)")
        await save(db, "acknowledged")

        with pytest.raises(Unavailable):
            await write_when_it_dies(db)
        for request in (save(db, "refused"), read(db), save(db, "refused as well")):
            with pytest.raises(Unavailable) as refused:
                await request
            assert refused.value.body.temporary
            assert refused.value.body.retry_after_ms == 1000
        with pytest.raises(StoreUnreachable):
            await store.connect(url, size=1)

        await supervisor.stop()
        await supervisor.start()
        await save(db, "after")
        assert await read(db) == ["acknowledged", "after"]
