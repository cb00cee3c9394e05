"""The epoch, as nodes find it; with a standby that is promoted in tests/store/test_failover.py."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import asyncpg
import pytest

from lumina_rt.config import Settings
from lumina_rt.store.db import Db
from lumina_rt.workers.epoch import Epoch
from tests.workers.rows import database


@dataclass
class Watcher:
    """A node, as far as the epoch is concerned."""

    db: Db
    told: list[tuple[int, int]] = field(default_factory=list)
    epoch: Epoch = field(init=False)

    def __post_init__(self) -> None:
        self.epoch = Epoch(lambda before, after: self.told.append((before, after)))

    async def look(self) -> int:
        async with self.db.tx() as tx:
            seen = await self.epoch.look(tx)
        self.epoch.take(seen)
        return self.epoch.current()


async def test_a_new_database_is_given_its_history_and_stays_in_its_epoch(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with database(settings) as db:
        node = Watcher(db)
        with pytest.raises(LookupError):
            node.epoch.current()
        assert [await node.look(), await node.look(), await Watcher(db).look()] == [1, 1, 1]
    assert node.told == []
    assert await pg.fetchval(
        "select (c.system_identifier, timeline) = (s.system_identifier, 1)"
        " from cluster c, pg_control_system() s"
    )


async def test_however_many_nodes_notice_another_history_it_is_one_epoch(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with database(settings, size=6) as db:
        running = [Watcher(db) for _ in range(4)]
        for node in running:
            await node.look()
        await pg.execute("update cluster set system_identifier = 7")
        started = [Watcher(db) for _ in range(2)]
        seen = await asyncio.gather(*(node.look() for node in (*running, *started)))
        assert seen == [2] * 6
        assert [node.told for node in running] == [[(1, 2)]] * 4
        assert [node.told for node in started] == [[], []]
        assert await running[0].look() == 2
        assert running[0].told == [(1, 2)]


async def test_an_epoch_that_a_node_has_seen_does_not_come_again(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """A backup of before the last failover is restored: its row has the old number."""
    async with database(settings) as db:
        node = Watcher(db)
        await pg.execute("update cluster set epoch = 5")
        assert await node.look() == 5
        await pg.execute("update cluster set epoch = 4")
        assert await node.look() == 6
        assert node.told == [(5, 6)]


async def test_a_restore_that_another_has_noticed_first_is_noticed_also_by_its_engine(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """It has counted from the restored row to a number that this node knows already."""
    async with database(settings) as db:
        node = Watcher(db)
        await node.look()
        assert node.epoch.known is not None
        node.epoch.known = node.epoch.known._replace(system_identifier=7)
        assert await node.look() == 1
        assert node.told == [(1, 1)]
