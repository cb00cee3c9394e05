"""The primary is killed and a standby takes over: what it had not got yet never was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from lumina_protocol.session import Ping

from lumina_rt.client import Connected, Inbox, Interrupted
from lumina_rt.config import Settings
from lumina_rt.dev import engines
from lumina_rt.store import migrate
from lumina_rt.workers.epoch import Epoch
from tests.house import created, nodes, open_conversation, register, say, user
from tests.store.standby import Standby
from tests.store.supervisor import Supervisor
from tests.workers.rows import database

pytestmark = pytest.mark.timeout(90)
LIMIT_S = 30
CHANGED = Interrupted(4003, "the history of the database has changed; reconnect and resume")


@pytest.fixture
async def standby(supervisor: Supervisor) -> AsyncIterator[Standby]:
    await migrate.migrate(supervisor.database_url)
    standby = Standby(supervisor)
    try:
        await standby.start()
        yield standby
    finally:
        await standby.stop()


@pytest.fixture
def either(settings: Settings, standby: Standby) -> Settings:
    url = standby.either_url("postgres", engines.WRITER)
    return settings.model_copy(update={"database_url": url})


async def epoch_in(url: str) -> int:
    conn = await asyncpg.connect(url)
    try:
        found: int = await conn.fetchval("select epoch from cluster")
    finally:
        await conn.close()
    return found


async def back_in(inbox: Inbox) -> tuple[Interrupted, int]:
    """Why the connection ended, and the epoch that was told to it when it was there again."""
    ended = Interrupted(0, "")
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            if isinstance(news, Interrupted):
                ended = news
            if isinstance(news, Connected):
                assert news.ready is not None
                return ended, news.ready.epoch
    raise AssertionError("an inbox does not end")


async def test_after_a_failover_clients_begin_anew_and_get_what_takes_the_place_of_the_lost(
    either: Settings, standby: Standby, supervisor: Supervisor
) -> None:
    async with nodes(either, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            assert alice.ready is not None
            assert alice.ready.epoch == 1
            talk = await open_conversation(alice, "bob")
            with alice.inbox() as a, bob.inbox() as b:
                await say(alice, talk, "kept")
                await standby.catch_up()
                await standby.stop_following()
                lost = await say(alice, talk, "lost")
                assert [e.message.content for e in await created(b, 2)] == ["kept", "lost"]
                await supervisor.kill_postgres()
                await standby.promote()
                assert await back_in(a) == (CHANGED, 2)
                assert await back_in(b) == (CHANGED, 2)
                instead = await say(alice, talk, "instead of it")
                assert (instead.seq, instead.rev) == (lost.seq, lost.rev), "numbers come again"
                async with asyncio.timeout(LIMIT_S):
                    for inbox in (a, b):
                        (event,) = await created(inbox, 1)
                        assert event.message.content == "instead of it"
        assert await epoch_in(standby.url) == 2
        assert [node.services.epoch() for node in (one, two)] == [2, 2]


async def test_the_timeline_is_that_of_what_is_written_now(
    either: Settings, standby: Standby, supervisor: Supervisor
) -> None:
    """And the number is counted on from it: nodes of before a restore may have told any below."""
    epoch = Epoch(lambda before, after: None)
    async with database(either) as db, db.tx() as tx:
        first = await epoch.look(tx)
    conn = await asyncpg.connect(supervisor.database_url)
    await conn.execute("update cluster set epoch = 0")
    await conn.close()
    await standby.catch_up()
    await supervisor.kill_postgres()
    await standby.promote()
    async with database(either) as db, db.tx() as tx:
        assert await epoch.look(tx) == first._replace(epoch=2, timeline=2)


async def test_a_restart_of_the_same_postgres_changes_no_history(
    settings: Settings, supervisor: Supervisor
) -> None:
    await migrate.migrate(supervisor.database_url)
    url = supervisor.database_url.replace(engines.OWNER, engines.WRITER, 1)
    own = settings.model_copy(update={"database_url": url})
    async with nodes(own, 1) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            before = alice.ready
            await supervisor.kill_postgres()
            await supervisor.stop()
            await supervisor.start()
            await node.heartbeat.beat()
            await alice.call(Ping())
            assert alice.ready is before, "it was connected all the time"
        assert node.services.epoch() == 1
    assert await epoch_in(supervisor.database_url) == 1
