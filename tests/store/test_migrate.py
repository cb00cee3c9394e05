from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from lumina_rt.store import migrate
from lumina_rt.store.migrate import LOCK, MigrationError, load

Write = Callable[..., Path]
STARTERS = 8


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a migration file and gives the folder of all of them."""
    folder = tmp_path / "migrations"
    folder.mkdir()

    def write(name: str, body: str, header: str = "-- min_code: 0.1.0") -> Path:
        (folder / name).write_text(f"{header}\n{body}\n")
        return folder

    return write


@pytest.fixture
async def conn(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def ledger(conn: asyncpg.Connection) -> list[str]:
    return [
        row["name"] for row in await conn.fetch("select name from schema_migrations order by 1")
    ]


async def has(conn: asyncpg.Connection, table: str) -> bool:
    return bool(await conn.fetchval("select to_regclass($1) is not null", table))


async def test_of_many_tasks_that_start_at_once_one_applies_each_migration_once(
    empty_database_url: str, conn: asyncpg.Connection
) -> None:
    told: list[str] = []
    results = await asyncio.gather(
        *(migrate.migrate(empty_database_url, tell=told.append) for _ in range(STARTERS))
    )
    names = [migration.name for migration in load()]
    assert [line for line in told if line.startswith("applying")] == [
        f"applying {name}" for name in names
    ]
    assert [status.applied for status in results] == [names] * STARTERS
    assert await ledger(conn) == names


@pytest.mark.timeout(60)
def test_of_many_processes_that_start_at_once_one_applies_each_migration_once(
    empty_database_url: str, tmp_path: Path
) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "lumina_rt", "migrate"],
            env=environment(empty_database_url, tmp_path),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(STARTERS)
    ]
    said = [process.communicate(timeout=50)[0] for process in running]
    assert [process.returncode for process in running] == [0] * STARTERS, said
    names = [migration.name for migration in load()]
    applied = [line for text in said for line in text.splitlines() if line.startswith("applying")]
    assert applied == [f"applying {name}" for name in names]
    assert [text.splitlines()[-1] for text in said] == [f"the schema is at {names[-1]}"] * STARTERS


@pytest.mark.timeout(60)
def test_check_exits_with_1_and_names_what_is_missing_until_nothing_is(
    empty_database_url: str, tmp_path: Path
) -> None:
    def lumina_migrate(*args: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "lumina_rt", "migrate", *args],
            env=environment(empty_database_url, tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    names = [migration.name for migration in load()]
    code, said = lumina_migrate("--check")
    assert code == 1
    assert said == f"Error: missing: {', '.join(names)}; run: lumina migrate\n"
    assert lumina_migrate()[0] == 0
    assert lumina_migrate("--check") == (0, f"nothing is missing; the schema is at {names[-1]}\n")
    assert lumina_migrate() == (0, f"the schema is at {names[-1]}\n")


def environment(url: str, home: Path) -> dict[str, str]:
    return {**os.environ, "LUMINA_DATABASE_URL": url, "LUMINA_HOME": str(home)}


async def test_a_second_run_does_nothing(empty_database_url: str, conn: asyncpg.Connection) -> None:
    first = await migrate.migrate(empty_database_url)
    before = await conn.fetch("select * from schema_migrations")
    told: list[str] = []
    assert await migrate.migrate(empty_database_url, tell=told.append) == first
    assert told == []
    assert await conn.fetch("select * from schema_migrations") == before


async def test_a_file_edited_after_it_was_applied_is_refused(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    folder = write("0001_pets.sql", "create table pets ();")
    await migrate.migrate(empty_database_url, load(folder))
    write("0001_pets.sql", "create table pets (); -- all of them")
    write("0002_toys.sql", "create table toys ();")
    with pytest.raises(MigrationError, match=r"0001_pets\.sql was edited after it was applied"):
        await migrate.migrate(empty_database_url, load(folder))
    assert not await has(conn, "toys")


@pytest.mark.parametrize("late", ["0001_late.sql", "0002_late.sql", "0002_zebras.sql"])
async def test_a_new_file_must_have_a_higher_number_than_all_that_are_applied(
    empty_database_url: str, conn: asyncpg.Connection, write: Write, late: str
) -> None:
    folder = write("0002_pets.sql", "create table pets ();")
    await migrate.migrate(empty_database_url, load(folder))
    (folder / "0002_pets.sql").unlink()  # a node of another version need not have the file
    write(late, "create table late ();")
    with pytest.raises(MigrationError, match=rf"{late} .* give it a higher number"):
        await migrate.migrate(empty_database_url, load(folder))
    assert not await has(conn, "late")


async def test_a_schema_newer_than_the_files_is_left_alone(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    folder = write("0001_pets.sql", "create table pets ();")
    write("0002_toys.sql", "create table toys ();", "-- min_code: 0.2.0")
    await migrate.migrate(empty_database_url, load(folder))
    (folder / "0002_toys.sql").unlink()
    status = await migrate.migrate(empty_database_url, load(folder))
    assert (status.pending, status.min_code, status.level) == ([], "0.2.0", "0002_toys.sql")


@pytest.mark.parametrize(
    ("name", "header", "message"),
    [
        ("1_pets.sql", "-- min_code: 0.1.0", "1_pets.sql: a migration is named NNNN_what.sql"),
        ("0001-pets.sql", "-- min_code: 0.1.0", "0001-pets.sql: a migration is named"),
        ("0001_pets.sql.bak", "-- min_code: 0.1.0", "0001_pets.sql.bak: a migration is named"),
        ("0001_pets.sql", "", "0001_pets.sql: lacks a line '-- min_code: X.Y.Z'"),
        ("0001_pets.sql", "-- min_code: 1.0", "0001_pets.sql: lacks a line"),
        ("0002_other.sql", "-- min_code: 0.1.0", "two migrations have one number"),
    ],
)
def test_a_file_with_a_wrong_name_or_header_is_refused(
    write: Write, name: str, header: str, message: str
) -> None:
    write("0002_toys.sql", "create table toys ();")
    with pytest.raises(MigrationError) as refused:
        load(write(name, "create table pets ();", header))
    assert message in str(refused.value)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_mended(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    write("0001_pets.sql", "create table pets (legs int);")
    write("0002_toys.sql", "create table toys (); insert into pets values (1 / 0);")
    folder = write("0003_beds.sql", "create table beds ();")
    with pytest.raises(
        MigrationError, match=r"0002_toys\.sql failed and was undone: division by zero"
    ):
        await migrate.migrate(empty_database_url, load(folder))
    assert await ledger(conn) == ["0001_pets.sql"]
    assert [await has(conn, table) for table in ("pets", "toys", "beds")] == [True, False, False]
    write("0002_toys.sql", "create table toys ();")
    status = await migrate.migrate(empty_database_url, load(folder))
    assert status.applied == ["0001_pets.sql", "0002_toys.sql", "0003_beds.sql"]


async def test_a_migration_that_cannot_be_recorded_is_undone(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    body = "create table pets (); alter table schema_migrations add x int not null;"
    folder = write("0001_pets.sql", body)
    with pytest.raises(MigrationError, match=r"0001_pets\.sql failed and was undone"):
        await migrate.migrate(empty_database_url, load(folder))
    assert not await has(conn, "pets")
    assert await ledger(conn) == []


async def test_an_index_is_built_concurrently_while_others_wait_for_the_lock(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    """A starter that waited inside `pg_advisory_lock` would be waited for by the index."""
    write("0001_pets.sql", "create table pets as select generate_series(1, 1000) as legs;")
    folder = write(
        "0002_legs.sql",
        "-- migrate: no-transaction\ncreate index concurrently pets_by_legs on pets (legs);",
    )
    await conn.execute("select pg_advisory_lock($1)", LOCK)
    waiting, all_wait = [], asyncio.Event()

    def tell(line: str) -> None:
        if "waiting" in line:
            waiting.append(line)
        if len(waiting) == 5:
            all_wait.set()

    async with asyncio.timeout(15), asyncio.TaskGroup() as tasks:
        started = [
            tasks.create_task(migrate.migrate(empty_database_url, load(folder), tell=tell))
            for _ in range(5)
        ]
        await all_wait.wait()
        assert not await has(conn, "pets")
        await conn.execute("select pg_advisory_unlock($1)", LOCK)
    assert all(task.result().pending == [] for task in started)
    assert await conn.fetchval("select indisvalid from pg_index where indrelid = 'pets'::regclass")


async def test_one_that_fails_outside_a_transaction_says_that_it_may_be_half_done(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    body = "-- migrate: no-transaction\ncreate index concurrently pets_by_legs on pets (legs);"
    with pytest.raises(MigrationError, match=r"0001_legs\.sql failed and may be half done"):
        await migrate.migrate(empty_database_url, load(write("0001_legs.sql", body)))
    assert await ledger(conn) == []


async def test_a_starter_that_dies_hands_its_lock_on(
    empty_database_url: str, conn: asyncpg.Connection, write: Write
) -> None:
    folder = write("0001_pets.sql", "create table pets ();")
    dying = await asyncpg.connect(empty_database_url)
    await dying.execute("select pg_advisory_lock($1)", LOCK)
    with pytest.raises(MigrationError, match="another process has been migrating"):
        await migrate.migrate(empty_database_url, load(folder), wait_s=0.1)
    waits = asyncio.Event()
    waiting = asyncio.create_task(
        migrate.migrate(empty_database_url, load(folder), tell=lambda line: waits.set())
    )
    await waits.wait()
    await conn.execute("select pg_terminate_backend($1)", dying.get_server_pid())
    assert (await waiting).applied == ["0001_pets.sql"]
