from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from lumina_protocol.errors import Unavailable

from lumina_rt.config import Settings
from lumina_rt.workers.counters import (
    COUNTERS,
    MOODS,
    OTHERS,
    Comparison,
    Counters,
    Example,
    compare,
    may_mend,
)
from tests.house import nodes
from tests.workers.rows import (
    add,
    comment,
    conversation,
    count,
    database,
    everything,
    fold,
    post,
    recounted,
    user,
)

PENDING = "counter_deltas"


async def values(pg: asyncpg.Connection) -> dict[str, list[int]]:
    """What each counter says, but for zeros."""
    said: dict[str, list[int]] = {}
    query = """select counter, value from counter_values where value <> 0
               union all select 'posts.view_count', view_count from posts where view_count <> 0
               order by 1, 2"""
    for row in await pg.fetch(query):
        said.setdefault(row["counter"], []).append(row["value"])
    return said


EVERYTHING = {
    "users.follower_count": [1],
    "users.following_count": [1],
    "users.post_count": [1],
    "posts.reactions_curious": [1],
    "posts.reactions_inspired": [1],
    "posts.comment_count": [2],
    "posts.share_count": [1],
    "posts.view_count": [2],
    "comments.reply_count": [1],
    "comments.like_count": [1],
    "poll_options.vote_count": [1],
    "stories.view_count": [1],
    "stories.reaction_count": [1],
    "topics.post_count": [1],
    "topics.follower_count": [1],
    "conversations.member_count": [2],
}


async def test_every_counter_is_folded_once(settings: Settings, pg: asyncpg.Connection) -> None:
    ids = await everything(pg)
    assert await values(pg) == {}
    async with database(settings) as db:
        assert await recounted(db) == [], "what is pending counts"
        await fold(db)
        assert await values(pg) == EVERYTHING
        await fold(db)
        assert await values(pg) == EVERYTHING
        assert await count(pg, PENDING) == 0
        assert await recounted(db) == []
    option = "select option_no from poll_options where vote_count = 1 and post_id = $1"
    assert await pg.fetchval(option, ids["post"]) == 1


async def test_the_names_are_those_of_the_schema(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    rows = await pg.fetch("select prosrc from pg_proc where proname like 'count!_%' escape '!'")
    written = "\n".join(row["prosrc"] for row in rows)
    named = {name for name in (*OTHERS, *COUNTERS) if f"'{name}'" in written}
    reactions = {f"posts.reactions_{mood}" for mood in MOODS}
    assert "'posts.reactions_' || reaction_type" in written
    assert named | reactions == {*OTHERS, *COUNTERS}
    truths = await pg.fetchval("select pg_get_viewdef('counter_truths')")
    assert {name for name in COUNTERS if f"'{name}'" in truths} == {*COUNTERS} - {
        "posts.view_count"
    }


async def test_what_is_taken_back_is_subtracted(settings: Settings, pg: asyncpg.Connection) -> None:
    ids = await everything(pg)
    async with database(settings) as db:
        await fold(db)
        await pg.execute("update reactions set reaction_type = 'excited'")
        await pg.execute("update follows set connection_type = 'blocked'")
        await pg.execute("update comments set is_deleted = true, deleted_at = now()")
        await pg.execute("delete from conversation_participants where user_id = $1", ids["bob"])
        await fold(db)
        said = await values(pg)
        assert said["posts.reactions_excited"] == [2]
        assert said["conversations.member_count"] == [1]
        gone = {"users.follower_count", "posts.comment_count", "posts.reactions_curious"}
        assert gone & set(said) == set()
        assert await recounted(db) == []


async def test_statistics_are_by_post_and_day(settings: Settings, pg: asyncpg.Connection) -> None:
    ids = await everything(pg)
    second = await post(pg, ids["alice"])
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    await pg.execute("update counter_deltas set day = $1", yesterday)
    for who in (ids["alice"], ids["bob"]):
        await add(pg, "post_views", post_id=second, user_id=who, times=5)
    await add(pg, "reactions", post_id=second, user_id=ids["bob"], reaction_type="grateful")
    async with database(settings) as db:
        await fold(db)
        await add(pg, "bookmarks", post_id=second, user_id=ids["bob"])
        await fold(db)
        assert await recounted(db) == []
    rows = await pg.fetch("select * from post_analytics order by date")
    kept = ("post_id", "date", "views", "unique_views", "reactions_inspired", "reactions_curious",
            "reactions_grateful", "comments", "shares", "saves")  # fmt: skip
    assert [tuple(row[name] for name in kept) for row in rows] == [
        (ids["post"], yesterday, 6, 2, 1, 1, 0, 2, 1, 1),
        (second, datetime.now(UTC).date(), 10, 2, 0, 0, 1, 0, 0, 1),
    ]


async def test_a_backlog_is_folded_in_batches(settings: Settings, pg: asyncpg.Connection) -> None:
    await everything(pg)
    pending = await count(pg, PENDING)
    async with database(settings) as db:
        assert pending > 4 * 3
        assert not await Counters(db, batch=3).turn(), "all of it in one round"
        assert await values(pg) == EVERYTHING
        assert await recounted(db) == []


async def test_subjects_that_are_gone_are_forgotten_and_unknown_counters_are_left(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    for counter in {*COUNTERS, *OTHERS, "posts.sparkles", "planets.moons"}:
        await add(pg, PENDING, counter=counter, subject_id=uuid4(), delta=1)
    async with database(settings) as db:
        await fold(db)
    rows = await pg.fetch("select counter from counter_deltas order by 1")
    assert [row["counter"] for row in rows] == ["planets.moons", "posts.sparkles"]
    assert await count(pg, "post_analytics") == 0


async def test_what_belongs_to_no_day_is_in_no_statistics(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    post_id = await post(pg, await user(pg))
    await pg.execute(
        "insert into counter_deltas (counter, subject_id, delta, day) "
        "values ('posts.share_count', $1, 7, '-infinity')",
        post_id,
    )
    async with database(settings) as db:
        await fold(db)
    assert await pg.fetchval("select share_count from posts where post_id = $1", post_id) == 7
    assert await count(pg, "post_analytics") == 0


@pytest.mark.parametrize("batch", [2, 1000])
async def test_a_row_that_is_locked_is_not_waited_for_and_holds_nothing_up(
    settings: Settings, pg: asyncpg.Connection, batch: int
) -> None:
    ids = await everything(pg)
    async with database(settings) as db, pg.transaction():
        locked = {"posts": "post", "conversations": "talk", "users": "alice"}
        for table, what in locked.items():
            key = f"{table[:-1]}_id"
            await pg.execute(f"select from {table} where {key} = $1 for update", ids[what])
        async with asyncio.timeout(0.9):  # a lock would be waited for until lock_timeout, 1 s
            await Counters(db, batch=batch).turn()
        said = await values(pg)
        assert {name: said[name] for name in said if name.split(".")[0] in locked} == {
            "users.following_count": [1]
        }
        rest = {name: ones for name, ones in EVERYTHING.items() if name.split(".")[0] not in locked}
        assert rest.items() <= said.items()
        assert await count(pg, PENDING) > 0
        assert await recounted(db) == []
    async with database(settings) as db:
        await fold(db)
        assert await values(pg) == EVERYTHING
        assert await recounted(db) == []


async def test_only_one_folds_at_a_time(settings: Settings, pg: asyncpg.Connection) -> None:
    await everything(pg)
    pending = await count(pg, PENDING)
    async with database(settings) as db:
        async with pg.transaction():
            await pg.execute("select pg_advisory_xact_lock(hashtext('lumina.counters'))")
            assert not await Counters(db).turn()
            assert await count(pg, PENDING) == pending
        await fold(db)
        assert await values(pg) == EVERYTHING


async def test_many_fold_while_many_write_and_nothing_is_lost(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    users = [await user(pg) for _ in range(6)]
    posts = [await post(pg, users[0]) for _ in range(3)]
    talk = await conversation(pg, *users)
    ended = asyncio.Event()

    async def write(number: int) -> None:
        own = await asyncpg.connect(settings.database_url)
        try:
            for turn in range(12):
                post_id = posts[(number + turn) % 3]
                async with own.transaction():
                    await own.execute(
                        "update conversations set last_seq = last_seq + 1 "
                        "where conversation_id = $1", talk,
                    )  # fmt: skip
                    await own.execute(
                        "update posts set caption = 'new' where post_id = $1", post_id
                    )
                    await comment(own, post_id, users[number])
                    await own.execute(
                        "insert into reactions (post_id, user_id, reaction_type) "
                        "values ($1, $2, 'curious') on conflict (post_id, user_id) "
                        "do update set reaction_type = 'excited'", post_id, users[number],
                    )  # fmt: skip
                if turn % 5 == 4:
                    await own.execute("delete from reactions where user_id = $1", users[number])
        finally:
            await own.close()

    async def keep_folding() -> None:
        while not ended.is_set():
            await Counters(db, batch=5).turn()

    async def keep_comparing() -> list[list[Comparison]]:
        found = []
        while not ended.is_set():
            found.append(await recounted(db))
        return found

    async with database(settings, 3) as db:
        folding = [asyncio.create_task(keep_folding()) for _ in range(2)]
        comparing = asyncio.create_task(keep_comparing())
        await asyncio.gather(*(write(number) for number in range(6)))
        ended.set()
        await asyncio.gather(*folding)
        found = await comparing
        assert len(found) > 1
        assert [wrong for wrong in found if wrong] == []
        await fold(db)
        assert await recounted(db) == []
    assert (await values(pg))["posts.comment_count"] == [24, 24, 24]
    assert await pg.fetchval("select last_seq from conversations") == 72
    assert await count(pg, PENDING) == 0


async def test_members_are_folded_in_small_batches_since_senders_wait_for_one(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    who = await user(pg)
    for _ in range(60):
        await conversation(pg, who)
        await post(pg, await user(pg))
    async with database(settings) as db:
        await Counters(db).turn()
    assert await transactions(pg, "conversations where member_count = 1") == [10, 50]
    assert await transactions(pg, "users where post_count = 1") == [60]


async def transactions(pg: asyncpg.Connection, rows: str) -> list[int]:
    """How many of these rows each transaction has written."""
    written = await pg.fetch(f"select count(*) from {rows} group by xmin::text order by 1")
    return [row["count"] for row in written]


# By how much each counter is made wrong.
OFF = {name: number for number, name in enumerate(COUNTERS, 1)}


async def break_all(pg: asyncpg.Connection) -> None:
    for name, off in OFF.items():
        table, _, column = name.partition(".")
        where = " where option_no = 1" if table == "poll_options" else ""
        await pg.execute(f"update {table} set {column} = {column} - {off}{where}")


async def test_what_is_wrong_is_found_and_mended_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    ids = await everything(pg)
    async with database(settings) as db:
        await fold(db)
        days = [tuple(row) for row in await pg.fetch("select * from post_analytics")]
        await break_all(pg)
        found = {one.counter: one for one in await recounted(db)}
        users = 2
        assert {name: (one.wrong, one.difference) for name, one in found.items()} == {
            name: (users, users * off) if name.startswith("users.")
            else (2, 2 * off) if name.startswith("comments.") else (1, off)
            for name, off in OFF.items()
        }  # fmt: skip
        (example,) = found["poll_options.vote_count"].examples
        off = OFF["poll_options.vote_count"]
        assert example == Example(ids["post"], 1, 1 - off, 1)
        for name in COUNTERS:
            async with db.tx() as tx:
                assert await may_mend(tx)
                assert (await compare(tx, name, fix=True)).wrong == found[name].wrong
        assert await recounted(db) == [], "what mends is pending"
        async with db.tx() as tx:
            await compare(tx, "users.post_count", fix=True)
        await fold(db)
        assert await recounted(db) == []
    assert await values(pg) == EVERYTHING
    assert [tuple(row) for row in await pg.fetch("select * from post_analytics")] == days


async def test_the_examples_are_the_worst_three(settings: Settings, pg: asyncpg.Connection) -> None:
    users = [await user(pg) for _ in range(5)]
    for off, who in zip((1, -50, 3, 40, -2), users, strict=True):
        await pg.execute("update users set post_count = $1 where user_id = $2", off, who)
    async with database(settings) as db:
        (found,) = await recounted(db)
    assert (found.compared, found.wrong, found.difference) == (5, 5, 8)
    assert [(one.subject_id, one.value, one.truth) for one in found.examples] == [
        (users[1], -50, 0), (users[3], 40, 0), (users[2], 3, 0)
    ]  # fmt: skip


async def test_what_is_written_while_it_is_mended_counts_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    post_id = await post(pg, await user(pg))
    await pg.execute("update posts set comment_count = 7")
    async with database(settings) as db:
        async with pg.transaction():
            await comment(pg, post_id, await user(pg))
            async with db.tx() as tx:
                assert (await compare(tx, "posts.comment_count", fix=True)).difference == -7
        await fold(db)
        assert await recounted(db) == []
    assert await pg.fetchval("select comment_count from posts") == 1


async def test_two_do_not_mend_at_the_same_time(settings: Settings) -> None:
    async with database(settings, 2) as db:
        async with db.tx() as one:
            assert await may_mend(one)
            async with db.tx() as two:
                assert not await may_mend(two)
        async with db.tx() as two:
            assert await may_mend(two)


async def test_an_outage_is_told_and_nothing_is_lost(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await everything(pg)
    name = await pg.fetchval("select current_database()")
    async with database(settings) as db:
        await pg.execute(f"alter database {name} connection limit 0")  # not for superusers
        await pg.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'lumina' and datname = current_database()"
        )
        with pytest.raises(Unavailable):
            await Counters(db).turn()
        await pg.execute(f"alter database {name} connection limit -1")
        await fold(db)
    assert await values(pg) == EVERYTHING


async def test_a_node_folds(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 1):
        await everything(pg)
        async with asyncio.timeout(10):
            while await count(pg, PENDING):
                await asyncio.sleep(0.05)
    assert await values(pg) == EVERYTHING


async def test_a_node_needs_no_rights_but_the_writers(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await everything(pg)
    async with database(settings) as db:
        async with db.read() as tx:
            assert await tx.conn.fetchval("select current_user") == "lumina_writer"
        await fold(db)
        assert await recounted(db) == []
    assert await values(pg) == EVERYTHING
