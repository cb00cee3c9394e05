from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from lumina_rt.dev.engines import Engines
from lumina_rt.findings import Finding
from lumina_rt.store import db as store
from lumina_rt.store import facts, migrate
from tests.store.supervisor import Supervisor

if TYPE_CHECKING:
    from lumina_rt.store.db import Pool

CODE = "0.1.0"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await store.connect(database_url, size=1)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def store_of(url: str) -> AsyncIterator[Pool]:
    pool = await store.connect(url, size=1)
    try:
        yield pool
    finally:
        await pool.close()


async def examine(pool: Pool, *, production: bool, code: str = CODE) -> dict[str, Finding]:
    found = await facts.examine(pool, production=production, code=code)
    return {finding.what: finding for finding in found}


async def test_every_fact_is_told_once_and_is_well_in_development(pool: Pool) -> None:
    found = await facts.examine(pool, production=False, code=CODE)
    assert [finding.what for finding in found] == [
        "postgres",
        "postgres encoding",
        "postgres durability",
        "postgres role",
        "schema",
    ]
    assert [finding.what for finding in found if finding.problem and finding.fatal] == []
    assert found[0].value.startswith("PostgreSQL 1")
    assert found[-1].value == migrate.load()[-1].name


async def test_the_embedded_engine_is_refused_in_production_only(pool: Pool) -> None:
    assert (await examine(pool, production=False))["postgres"].problem == ""
    refused = (await examine(pool, production=True))["postgres"]
    assert refused.fatal
    assert refused.value.endswith(", embedded")
    assert "LUMINA_DATABASE_URL" in refused.problem


async def test_a_database_that_only_reads_is_refused(
    database_url: str, pg: asyncpg.Connection
) -> None:
    name = await pg.fetchval("select current_database()")
    await pg.execute(f'alter database "{name}" set default_transaction_read_only = on')
    pool = await store.connect(database_url, size=1)
    try:
        told = (await examine(pool, production=False))["postgres"]
    finally:
        await pool.close()
    assert told.fatal
    assert "primary" in told.problem


async def test_fsync_off_is_told_and_refused_in_production(pool: Pool) -> None:
    """The engines of the tests run without it."""
    for production in (False, True):
        told = (await examine(pool, production=production))["postgres durability"]
        assert told.value == "fsync off"
        assert told.problem == "acknowledged writes can be lost; set fsync to on"
        assert told.fatal is production


@pytest.mark.parametrize(
    ("mode", "safe"),
    [
        ("off", False),
        ("local", False),
        ("remote_write", True),
        ("on", True),
        ("remote_apply", True),
    ],
)
async def test_acknowledging_before_the_disk_has_it_is_told_and_refused_in_production(
    pool: Pool, pg: asyncpg.Connection, mode: str, safe: bool
) -> None:
    await set_for_database(pg, f"synchronous_commit = {mode}")
    await pool.expire_connections()
    told = (await examine(pool, production=True))["postgres durability"]
    assert ("synchronous_commit" in told.value) is not safe
    if not safe:
        assert told.problem.endswith("set fsync and synchronous_commit to on")
        assert told.fatal


@pytest.mark.timeout(60)
async def test_a_postgres_with_its_own_defaults_is_durable(supervisor: Supervisor) -> None:
    pool = await store.connect(supervisor.database_url, size=1)
    try:
        told = (await examine(pool, production=True))["postgres durability"]
    finally:
        await pool.close()
    assert told == Finding("postgres durability", "on")


async def test_a_database_that_is_not_utf8_is_refused(
    pg: asyncpg.Connection, database_url: str
) -> None:
    name = f"t_{uuid4().hex}"
    await pg.execute(f"create database {name} encoding 'SQL_ASCII' locale 'C' template template0")
    url = urlsplit(database_url)._replace(path=f"/{name}").geturl()
    pool = await store.connect(url, size=1)
    try:
        told = (await examine(pool, production=False))["postgres encoding"]
    finally:
        await pool.close()
        await pg.execute(f"drop database {name} with (force)")
    assert (told.value, told.fatal) == ("SQL_ASCII", True)
    assert "encoding UTF8" in told.problem


async def test_a_node_logs_in_as_somebody_who_cannot_change_the_schema(
    pool: Pool, writer_url: str, pg: asyncpg.Connection
) -> None:
    async with store_of(writer_url) as writer:
        told = (await examine(writer, production=True))["postgres role"]
        assert told == Finding("postgres role", "lumina_writer")
    assert (await examine(pool, production=False))["postgres role"].problem == ""
    told = (await examine(pool, production=True))["postgres role"]
    assert (told.value, told.fatal) == ("lumina, a superuser", False)
    assert "alter role lumina_writer password" in told.problem
    assert "LUMINA_DATABASE_URL" in told.problem
    await pg.execute("alter table mutes owner to lumina_writer")
    async with store_of(writer_url) as writer:
        told = (await examine(writer, production=True))["postgres role"]
    assert told.value == "lumina_writer, who owns the tables"
    assert "only `lumina migrate` needs the owner" in told.problem


async def test_a_login_that_cannot_serve_is_told_whom_to_log_in_as(
    running_engines: Engines, database_url: str
) -> None:
    database = urlsplit(database_url).path[1:]
    async with store_of(running_engines.database_url(database, user="lumina_app")) as bound:
        found = await examine(bound, production=False)
    told = found["postgres role"]
    assert (told.value, told.fatal) == ("lumina_app", True)
    assert "put lumina_writer" in told.problem
    assert "schema" not in found


async def test_missing_migrations_say_how_to_apply_them(pool: Pool, pg: asyncpg.Connection) -> None:
    await pg.execute("delete from schema_migrations where name > '0001'")
    told = (await examine(pool, production=False))["schema"]
    assert told.fatal
    assert told.problem.endswith("migrations are missing; run: lumina migrate")
    await pg.execute("drop table schema_migrations")
    told = (await examine(pool, production=False))["schema"]
    assert told.value == "empty"
    assert told.problem == f"{len(migrate.load())} migrations are missing; run: lumina migrate"


async def test_a_migration_that_was_edited_is_told(pool: Pool, pg: asyncpg.Connection) -> None:
    await pg.execute("update schema_migrations set sha256 = 'other' where name like '0001%'")
    told = (await examine(pool, production=False))["schema"]
    assert (told.value, told.fatal) == ("does not fit", True)
    assert "was edited after it was applied" in told.problem


@pytest.mark.parametrize(
    ("min_code", "code", "fits"),
    [
        ("0.2.0", "0.1.9", False),
        ("0.10.0", "0.9.0", False),
        ("0.10.0", "0.10.0", True),
        ("0.9.1", "0.10.0", True),
        ("1.0.0", "0.99.99", False),
    ],
)
async def test_a_node_older_than_the_schema_allows_is_refused(
    pool: Pool, pg: asyncpg.Connection, min_code: str, code: str, fits: bool
) -> None:
    await pg.execute(
        "insert into schema_migrations (name, sha256, min_code) values ('9999_next.sql', '', $1)",
        min_code,
    )
    told = (await examine(pool, production=False, code=code))["schema"]
    assert told.value == "9999_next.sql"
    assert told.problem == (
        "" if fits else f"the schema needs Lumina {min_code}, this is {code}; upgrade this node"
    )


async def set_for_database(pg: asyncpg.Connection, setting: str) -> None:
    name = await pg.fetchval("select current_database()")
    await pg.execute(f"alter database {name} set {setting}")
