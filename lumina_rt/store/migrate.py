"""Migrations: forward only, checksummed, one transaction each, safe with many starters.

The lock is polled: a session that waits in `pg_advisory_lock` holds a snapshot, and a
`create index concurrently` waits for that snapshot: the two would wait for each other.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from lumina_rt.store.db import connect_alone
from lumina_rt.store.queries import SQL

if TYPE_CHECKING:
    from lumina_rt.store.db import Conn

LOCK = 0x4C554D494E41  # "LUMINA"
FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
MIN_CODE = re.compile(r"^-- min_code: (\d+\.\d+\.\d+)$", re.MULTILINE)
NO_TRANSACTION = "-- migrate: no-transaction"

LEDGER = """
create table if not exists schema_migrations (
    name       text primary key,
    sha256     text not null,
    min_code   text not null,
    applied_at timestamptz not null default now()
)"""
APPLIED = "select name, sha256, min_code from schema_migrations order by name"
HAS_LEDGER = "select to_regclass('schema_migrations') is not null"
RECORD = "insert into schema_migrations (name, sha256, min_code) values ($1, $2, $3)"


class MigrationError(Exception):
    """The files and the database do not fit; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    name: str
    text: str
    min_code: str
    """The oldest version of this server that works with the schema once this is applied."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return NO_TRANSACTION not in self.text


@dataclass(frozen=True, slots=True)
class Status:
    """What is applied and what is not, by name, in order."""

    applied: list[str]
    pending: list[str]
    min_code: str

    @property
    def level(self) -> str:
        return self.applied[-1] if self.applied else "empty"


def load(folder: Path = SQL / "migrations") -> list[Migration]:
    """The migration files in order. Raises MigrationError for a name or header that is wrong."""
    found = []
    for path in sorted(folder.iterdir()):
        if not FILE.match(path.name):
            raise MigrationError(f"{path.name}: a migration is named NNNN_what.sql")
        text = path.read_text("utf-8")
        if not (min_code := MIN_CODE.search(text)):
            raise MigrationError(f"{path.name}: lacks a line '-- min_code: X.Y.Z'")
        found.append(Migration(path.name, text, min_code[1]))
    numbers = [migration.name[:4] for migration in found]
    if len(numbers) != len(set(numbers)):
        raise MigrationError(f"{folder}: two migrations have one number")
    return found


async def status(conn: Conn, migrations: list[Migration]) -> Status:
    """Raises MigrationError when an applied file was edited, or a new one is numbered too low."""
    rows = await conn.fetch(APPLIED) if await conn.fetchval(HAS_LEDGER) else []
    applied = {row["name"]: row["sha256"] for row in rows}
    for migration in migrations:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationError(
                f"{migration.name} was edited after it was applied; undo the edit and write "
                "a new migration instead"
            )
    pending = [m.name for m in migrations if m.name not in applied]
    newest = max(applied, default="")
    if late := [name for name in pending if name[:4] <= newest[:4]]:
        raise MigrationError(
            f"{late[0]} is not above {newest}, which is applied; give it a higher number"
        )
    min_code = max((row["min_code"] for row in rows), key=version_tuple, default="0.0.0")
    return Status(sorted(applied), pending, min_code)


def version_tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


async def migrate(
    dsn: str,
    migrations: list[Migration] | None = None,
    *,
    tell: Callable[[str], None] = lambda line: None,
    wait_s: float = 300,
) -> Status:
    """Apply what is pending; `tell` gets a line for each.

    Raises MigrationError or StoreUnreachable.
    """
    migrations = load() if migrations is None else migrations
    conn = await connect_alone(dsn)
    try:
        await _lock(conn, tell, wait_s)
        await conn.execute(LEDGER)
        before = await status(conn, migrations)
        for migration in migrations:
            if migration.name in before.pending:
                tell(f"applying {migration.name}")
                await _apply(conn, migration)
        return await status(conn, migrations)
    finally:
        await conn.close()


async def check(dsn: str) -> Status:
    """What `migrate` would do, without doing it. Raises MigrationError or StoreUnreachable."""
    conn = await connect_alone(dsn)
    try:
        return await status(conn, load())
    finally:
        await conn.close()


async def _lock(conn: Conn, tell: Callable[[str], None], wait_s: float) -> None:
    """Held by the session, so it is gone with the connection, however that ends."""
    for attempt in range(int(wait_s / 0.1)):
        if await conn.fetchval("select pg_try_advisory_lock($1)", LOCK):
            return
        if attempt == 0:
            tell("another process is migrating; waiting for it")
        await asyncio.sleep(0.1)
    raise MigrationError(f"another process has been migrating for {wait_s:.0f} s; look at it first")


async def _apply(conn: Conn, migration: Migration) -> None:
    try:
        if migration.in_transaction:
            async with conn.transaction():
                await conn.execute(migration.text)
                await conn.execute(RECORD, migration.name, migration.sha256, migration.min_code)
        else:
            await conn.execute(migration.text)
            await conn.execute(RECORD, migration.name, migration.sha256, migration.min_code)
    except asyncpg.PostgresError as error:
        what = "was undone" if migration.in_transaction else "may be half done; look at it first"
        raise MigrationError(f"{migration.name} failed and {what}: {error}") from error
