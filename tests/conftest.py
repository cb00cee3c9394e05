"""Real engines for every test that needs one: started once a worker, a cloned database a test."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import psutil
import pytest
import uvloop

from lumina_rt.config import Settings, read_settings
from lumina_rt.dev import engines
from lumina_rt.dev.engines import Engines
from lumina_rt.store import migrate
from tests.bus.members import OwnRedis
from tests.house import LOOSE
from tests.leaks import SECRET, watching

TEMPLATE = "lumina_template"
ROOM = 4 * 2**30
HOME = "lumina-test-"
# A test's connections live for a second, and would plan all that they ask five times before
# Postgres takes a plan that it has kept: of 16 parts, that is most of their time.
POSTGRES = ("fsync=off", "plan_cache_mode=force_generic_plan")


# What these ask says nothing about the version of an engine.
ONE_ENGINE = {"client", "gateway", "http", "media", "protocol"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name in ONE_ENGINE:
            item.add_marker("once")


def pytest_collection_finish() -> None:
    """Eight thousand tests and the server's modules stay: looking at them again each time that the
    garbage collector runs would be a tenth of the suite."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set must not change a test."""
    for name in [name for name in os.environ if name.startswith("LUMINA_")]:
        if not name.startswith("LUMINA_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_secret_logged() -> Iterator[None]:
    """A test during which a secret of the tests gets into a log fails."""
    with watching():
        yield


@pytest.fixture(autouse=True)
def _loop_not_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in which code sleeps on the event loop's thread fails."""
    really_sleep = time.sleep

    def sleep(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop()
                pytest.fail("time.sleep was called on the event loop's thread")
        really_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)


def memory() -> Path | None:
    """Where files are fast: a database has more than a thousand, and every test has its own, which
    takes 20 times as long on a disk. None where there is no room for them."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and shutil.disk_usage(shared).free > ROOM
    return shared if roomy else None


def remove_left(folder: Path) -> None:
    """What runs that were killed have left takes memory until somebody removes it."""
    for home in folder.glob(f"{HOME}*"):
        pid = home.name.removeprefix(HOME).partition("-")[0]
        if not pid.isdigit() or not psutil.pid_exists(int(pid)):
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def running_engines() -> Iterator[Engines]:
    """LUMINA_TEST_ENGINES=system takes the machine's Postgres and Redis instead of the wheels.

    fsync is off: these tests kill processes, which loses nothing that the kernel has.
    """
    source: Any = os.environ.get("LUMINA_TEST_ENGINES") or None
    folder = memory()
    if folder:
        remove_left(folder)
    home = Path(tempfile.mkdtemp(prefix=f"{HOME}{os.getpid()}-", dir=folder))
    home.chmod(0o755)
    started = engines.start(home, source=source, postgres_options=POSTGRES)
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template(running_engines: Engines) -> str:
    """A database with the whole schema and no rows, to be cloned."""

    async def make() -> None:
        await _run_admin(running_engines, f"create database {TEMPLATE}")
        await migrate.migrate(running_engines.database_url(TEMPLATE))

    asyncio.run(make())
    return TEMPLATE


@pytest.fixture
async def empty_database_url(running_engines: Engines) -> AsyncIterator[str]:
    async with _database(running_engines, "template1") as url:
        yield url


@pytest.fixture
async def database_url(running_engines: Engines, template: str) -> AsyncIterator[str]:
    async with _database(running_engines, template) as url:
        yield url


@pytest.fixture
async def pg(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own, to look behind the server's back."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def redis_url(running_engines: Engines) -> str:
    return running_engines.redis_url


@pytest.fixture
async def own_redis(running_engines: Engines, tmp_path: Path) -> AsyncIterator[OwnRedis]:
    own = OwnRedis(running_engines.binaries.redis, tmp_path)
    await own.start()
    try:
        yield own
    finally:
        await own.kill()


@pytest.fixture
def writer_url(running_engines: Engines, database_url: str) -> str:
    """The database of this test, logged in to as a node does."""
    database = urlsplit(database_url).path.removeprefix("/")
    return running_engines.database_url(database, user=engines.WRITER)


@pytest.fixture
def settings(writer_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Of a node in development, on free ports; change some with `settings.model_copy`."""
    return read_settings(
        environment="development",
        database_url=writer_url,
        redis_url=redis_url,
        redis_prefix=f"test-{uuid4().hex}",
        secret=SECRET,
        blob_dir=tmp_path / "blobs",
        port=0,
        private_port=0,
        node="test",
        database_pool=4,
        # Where somebody is to wait on purpose, a busy machine must not end it.
        lock_timeout_ms=4000,
        password_rounds=4,
        drain_wait_s=0,
        drain_spread_s=0,
        notify_after_s=60,
        **LOOSE,
    )


@contextlib.asynccontextmanager
async def _database(running: Engines, template: str) -> AsyncIterator[str]:
    name = f"t_{uuid4().hex}"
    await _run_admin(running, f"create database {name} template {template} strategy file_copy")
    try:
        yield running.database_url(name)
    finally:
        await _run_admin(running, f"drop database {name} with (force)")


async def _run_admin(running: Engines, statement: str) -> None:
    connection = await asyncpg.connect(running.database_url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
