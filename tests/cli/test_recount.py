"""recount, through the command, on counters that are right and that are not."""

from __future__ import annotations

import asyncio
import subprocess

import asyncpg

from lumina_rt.config import Settings
from lumina_rt.workers.counters import COUNTERS
from tests.cli.command import complaint, environment, lumina
from tests.workers.rows import count, database, everything, fold


async def recount(settings: Settings, *args: str) -> subprocess.CompletedProcess[str]:
    env = environment(database_url=settings.database_url)
    return await asyncio.to_thread(lumina, "recount", *args, env=env)


async def comments(pg: asyncpg.Connection) -> int:
    found: int = await pg.fetchval("select comment_count from posts")
    return found


def rows(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """The table: of each counter its mark, how many were compared, wrong, and by how much."""
    split = [line.split() for line in done.stdout.splitlines()]
    return {cells[1]: [cells[0], *cells[2:]] for cells in split if cells[0] in ("ok", "no")}


async def test_counters_that_are_right(settings: Settings, pg: asyncpg.Connection) -> None:
    await everything(pg)
    done = await recount(settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "nothing is wrong"
    assert list(rows(done)) == list(COUNTERS)
    assert rows(done)["posts.comment_count"] == ["ok", "1", "0", "0"]
    assert await comments(pg) == 0, "it only compares"


async def test_a_counter_that_is_wrong_is_named_with_the_remedy(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    ids = await everything(pg)
    await pg.execute("update posts set comment_count = 1234")
    await pg.execute("update poll_options set vote_count = 7 where option_no = 1")
    done = await recount(settings)
    assert (done.returncode, done.stderr) == (1, "")
    found = rows(done)
    assert found.pop("posts.comment_count") == ["no", "1", "1", "-1,234"]
    assert found.pop("poll_options.vote_count") == ["no", "2", "1", "-7"]
    assert {row[0] for row in found.values()} == {"ok"}
    assert done.stdout.splitlines()[-5:] == [
        "posts.comment_count, the worst:",
        f"  {ids['post']}: 1,236, should be 2",
        "poll_options.vote_count, the worst:",
        f"  {ids['post']} option 1: 8, should be 1",
        "wrong: 2 counts; mend with: lumina recount --fix",
    ]
    assert await comments(pg) == 1234


async def test_fix_and_fold_mend(settings: Settings, pg: asyncpg.Connection) -> None:
    await everything(pg)
    await pg.execute("update posts set comment_count = 1234")
    done = await recount(settings, "--fix", "--fold")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "mended: 1 count"
    assert await comments(pg) == 2
    assert await count(pg, "counter_deltas") == 0
    again = await recount(settings)
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "nothing is wrong"


async def test_fix_alone_leaves_the_folding_to_the_nodes(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await everything(pg)
    await pg.execute("update posts set comment_count = 1234, share_count = 7")
    done = await recount(settings, "--fix", "--counter", "posts.comment_count")
    assert done.returncode == 0
    assert "the running nodes do it within a second" in done.stdout
    assert list(rows(done)) == ["posts.comment_count"]
    assert await comments(pg) == 1234
    async with database(settings) as db:
        await fold(db)
    assert await comments(pg) == 2
    assert await pg.fetchval("select share_count from posts") == 8, "it was not asked for"


async def test_another_that_mends_is_told_of(settings: Settings, pg: asyncpg.Connection) -> None:
    await everything(pg)
    await pg.execute("update posts set comment_count = 1234")
    before = await count(pg, "counter_deltas")
    async with pg.transaction():
        await pg.execute("select pg_advisory_xact_lock(hashtext('lumina.recount'))")
        refused = complaint(await recount(settings, "--fix"))
        assert (await recount(settings)).returncode == 1, "to compare needs nobody's turn"
    assert refused.endswith(
        "another `lumina recount --fix` is running; try again when it has ended"
    )
    assert await count(pg, "counter_deltas") == before


def test_a_counter_that_is_none_is_answered_with_those_that_are() -> None:
    done = lumina("recount", "--counter", "posts.sparkles")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert [name for name in COUNTERS if name not in done.stderr] == []


def test_postgres_that_is_away_is_one_line() -> None:
    away = environment(database_url="postgresql://lumina@127.0.0.1:9/lumina")
    assert "Postgres cannot be reached" in complaint(lumina("recount", env=away))


def test_the_help_has_examples() -> None:
    shown = lumina("recount", "--help").stdout
    for example in ("--fix --fold", "--counter posts.comment_count"):
        assert f"lumina recount {example}" in shown
