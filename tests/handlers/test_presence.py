"""Who is online: told when it changes, to whom it is for, and to nobody else."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.codec import MSGPACK
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from lumina_protocol.presence import (
    CountPresence,
    PresenceChanged,
    SetPresence,
    UserPresence,
    WatchPresence,
)
from lumina_protocol.settings import ChangeSettings

from lumina_rt.app import Node
from lumina_rt.bus.presence import CHUNK
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.bus.members import OwnRedis
from tests.gateway.wire import websocket
from tests.handlers.test_blocks import refused
from tests.house import created, nodes, open_conversation, register, say, user
from tests.oracle import oracle

NAMES = ("alice", "bob", "carol", "dave")
WITHIN_S = 15


@asynccontextmanager
async def house(settings: Settings, linger_s: float = 0) -> AsyncIterator[list[Node]]:
    """Two nodes; alice, bob, carol and dave have a group."""
    async with nodes(settings, 2, presence_linger_s=linger_s) as running:
        await register(running[0], *NAMES)
        async with user(running[0], "alice") as alice:
            asked = CreateGroup(conversation_id=uuid7(), title="All", usernames=list(NAMES[1:]))
            await alice.call(asked)
        yield running


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def ids(pg: asyncpg.Connection) -> dict[str, UUID]:
    found = await pg.fetch("select username, user_id from users")
    return {row["username"]: row["user_id"] for row in found}


async def watch(client: Client, *users: UUID) -> list[str]:
    told = (await client.call(WatchPresence(user_ids=list(users)))).users
    assert [each.user_id for each in told] == list(users)
    return [each.state for each in told]


async def sees(client: Client, **states: UUID) -> None:
    """Watch these, and wait until they are so: it takes a second to be known on all nodes."""
    wanted = {user_id: state.rstrip("_") for state, user_id in states.items()}
    with client.inbox() as inbox:
        found = dict(zip(wanted, await watch(client, *wanted), strict=True))
        while found != wanted:
            user_id, state = await next_of(inbox)
            found[user_id] = state


async def told(inbox: Inbox, count: int) -> list[PresenceChanged]:
    """The next so many."""
    found: list[PresenceChanged] = []
    async with asyncio.timeout(WITHIN_S):
        async for news in inbox:
            if isinstance(news, PresenceChanged):
                found.append(news)
            if len(found) == count:
                return found
    raise AssertionError("an inbox does not end")


async def told_before(inbox: Inbox, user_id: UUID, state: str) -> list[tuple[UUID, str]]:
    """All that is told until this is."""
    found = [await next_of(inbox)]
    while found[-1] != (user_id, state):
        found.append(await next_of(inbox))
    return found[:-1]


async def next_of(inbox: Inbox) -> tuple[UUID, str]:
    (news,) = await told(inbox, 1)
    return news.user_id, news.state


async def test_it_is_told_when_the_first_connection_opens_and_the_last_one_ends(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings) as (one, two), user(one, "alice") as alice:
        who = await ids(pg)
        with alice.inbox() as inbox:
            assert await watch(alice, who["bob"], who["carol"]) == ["offline", "offline"]
            async with user(two, "bob"):
                assert await next_of(inbox) == (who["bob"], "online")
                assert await watch(alice, who["bob"], who["carol"]) == ["online", "offline"]
                async with user(one, "bob"), user(two, "bob"):
                    async with user(two, "carol"):
                        assert await next_of(inbox) == (who["carol"], "online")
                    assert await next_of(inbox) == (who["carol"], "offline")
                before = int(time.time() * 1000)
            (gone,) = await told(inbox, 1)
            assert (gone.user_id, gone.state) == (who["bob"], "offline")
            assert gone.last_seen_at
            assert before - 1 <= gone.last_seen_at <= int(time.time() * 1000)
            again = await alice.call(WatchPresence(user_ids=[who["bob"]]))
            expected = UserPresence(
                user_id=who["bob"], state="offline", last_seen_at=gone.last_seen_at
            )
            assert again.users == [expected]


async def test_a_new_list_takes_the_place_of_the_old_one(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings) as (one, two), user(one, "alice") as alice:
        who, nobody = await ids(pg), uuid7()
        with alice.inbox() as inbox:
            await watch(alice, who["bob"])
            assert await watch(alice, who["carol"], nobody) == ["offline"] * 2
            async with user(two, "bob"), user(two, "carol"):
                assert await next_of(inbox) == (who["carol"], "online")
                assert await watch(alice) == []
                assert await watch(alice, nobody) == ["offline"]


async def test_who_comes_back_soon_was_not_away(settings: Settings, pg: asyncpg.Connection) -> None:
    async with house(settings, linger_s=300) as (one, two), user(one, "alice") as alice:
        who = await ids(pg)
        with alice.inbox() as inbox:
            async with user(two, "bob"):
                await sees(alice, online=who["bob"], offline=who["carol"])
            for node in (two, one, two):
                async with user(node, "bob"):
                    pass
            async with user(two, "carol"):
                before = await told_before(inbox, who["carol"], "online")
            came = [(who["bob"], "online")]
            assert before in ([], came), "of bob once, if he came after alice had begun to watch"
            assert await watch(alice, who["bob"], who["carol"]) == ["online", "online"]


@pytest.mark.timeout(90)
async def test_a_thousand_reconnects_are_told_to_nobody(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings, linger_s=300) as (one, two), user(one, "alice") as alice:
        who = await ids(pg)
        tokens = []
        for name in ("bob", "carol"):
            async with user(two, name) as client:
                assert client.token
                tokens.append(client.token)
        await sees(alice, online=who["bob"], online_=who["carol"], offline=who["dave"])

        async def reconnect(token: str) -> None:
            for _ in range(125):
                async with websocket(two, MSGPACK, token=token):
                    pass

        with alice.inbox() as inbox:
            await asyncio.gather(*(reconnect(token) for token in tokens * 4))
            async with user(two, "dave"):
                assert await next_of(inbox) == (who["dave"], "online")


async def test_a_node_that_stops_leaves_its_users_time_to_come_back(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings, linger_s=3) as (one, _), user(one, "alice") as alice:
        who = await ids(pg)
        with alice.inbox() as inbox:
            async with AsyncExitStack() as stack:
                async with nodes(settings, 1, node="third", presence_linger_s=3) as (third,):
                    for name in ("bob", "carol"):
                        await stack.enter_async_context(user(third, name))
                    await sees(alice, online=who["bob"], online_=who["carol"])
                    await stack.aclose()
                async with user(one, "bob"):
                    before = await told_before(inbox, who["carol"], "offline")
                    assert {state for _, state in before} <= {"online"}
                    assert await watch(alice, who["bob"]) == ["online"]


@pytest.mark.timeout(90)
async def test_while_redis_is_away_nobody_knows_and_everybody_talks(
    settings: Settings, pg: asyncpg.Connection, own_redis: OwnRedis
) -> None:
    own = settings.model_copy(update={"redis_url": own_redis.url})
    async with house(own) as (one, two), user(one, "alice") as alice, user(two, "bob") as bob:
        who = await ids(pg)
        talk = await open_conversation(alice, "bob")
        with alice.inbox() as inbox:
            await sees(alice, online=who["bob"], offline=who["carol"])
            await own_redis.kill()
            heard = set[UUID]()
            while heard != {who["bob"], who["carol"]}:
                user_id, state = await next_of(inbox)
                heard |= {user_id} if state == "unknown" else set()
            assert await watch(alice, who["bob"]) == ["unknown"]
            assert (await alice.call(CountPresence(conversation_id=talk))).online is None
            await say(bob, talk, "still here")
            async with asyncio.timeout(WITHIN_S):
                (message,) = await created(inbox, 1)
            assert message.message.content == "still here"
            shutil.rmtree(own_redis.folder / "appendonlydir", ignore_errors=True)
            (own_redis.folder / "appendonly.aof").unlink(missing_ok=True)
            await own_redis.start()
            assert await next_of(inbox) == (who["bob"], "online")
            assert await watch(alice, who["bob"], who["carol"]) == ["online", "offline"]
        assert alice.ready
        assert bob.ready


async def test_who_is_invisible_is_offline_to_others_at_once_and_sees_them(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings) as (one, two), user(one, "alice") as alice:
        async with user(two, "bob") as bob:
            await sees(alice, online=id_of(bob))
            await sees(bob, online=id_of(alice))
            with alice.inbox() as inbox:
                async with oracle(bob):
                    hide = SetPresence(op_id=uuid7(), invisible=True)
                    assert (await bob.call(hide)).changed
                    assert (await bob.call(hide)).changed, "a retry gets the first answer"
                    again = SetPresence(op_id=uuid7(), invisible=True)
                    assert not (await bob.call(again)).changed
                (gone,) = await told(inbox, 1)
                assert (gone.state, gone.last_seen_at) == ("offline", None)
                assert await watch(bob, id_of(alice), id_of(bob)) == ["online", "online"]
                assert (await bob.call(SetPresence(op_id=uuid7(), invisible=False))).changed
                assert await next_of(inbox) == (id_of(bob), "online")
                await bob.call(SetPresence(op_id=uuid7(), invisible=True))
        who = await ids(pg)
        async with user(two, "carol"):
            await sees(alice, online=who["carol"], offline=who["bob"])
    kept = "select last_seen_at from user_settings where user_id = $1"
    assert await pg.fetchval(kept, who["bob"]) is None
    assert await pg.fetchval(kept, who["carol"]) is not None


async def test_who_hides_their_status_is_not_seen_and_does_not_see(settings: Settings) -> None:
    async with (
        house(settings) as (one, two),
        user(one, "alice") as alice,
        user(two, "bob") as bob,
    ):
        await sees(alice, online=id_of(bob))
        await sees(bob, online=id_of(alice))
        with alice.inbox() as alices, bob.inbox() as bobs:
            await bob.call(ChangeSettings(op_id=uuid7(), show_activity_status=False))
            assert await next_of(alices) == (id_of(bob), "offline")
            assert await next_of(bobs) == (id_of(alice), "offline")
            assert await watch(bob, id_of(alice)) == ["offline"]
            await bob.call(ChangeSettings(op_id=uuid7(), show_activity_status=True))
            assert await next_of(alices) == (id_of(bob), "online")
            assert await next_of(bobs) == (id_of(alice), "online")


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_a_block_ends_what_is_watched_both_ways(settings: Settings, blocker: str) -> None:
    async with (
        house(settings) as (one, two),
        user(one, "alice") as alice,
        user(two, "bob") as bob,
    ):
        by, other = (alice, bob) if blocker == "alice" else (bob, alice)
        await sees(alice, online=id_of(bob))
        await sees(bob, online=id_of(alice))
        with alice.inbox() as alices, bob.inbox() as bobs:
            await by.call(BlockUser(user_id=id_of(other), op_id=uuid7()))
            for inbox, whom in ((alices, bob), (bobs, alice)):
                (gone,) = await told(inbox, 1)
                assert gone == PresenceChanged(user_id=id_of(whom), state="offline")
            await by.call(UnblockUser(user_id=id_of(other), op_id=uuid7()))
            assert await next_of(alices) == (id_of(bob), "online")
            assert await next_of(bobs) == (id_of(alice), "online")


async def test_in_a_group_of_5000_members_are_counted(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with house(settings) as (one, two), user(one, "alice") as alice:
        who, big = await ids(pg), uuid7()
        others = [uuid7() for _ in range(5000 - 3)]
        await pg.execute(
            "insert into users (user_id, username, username_key, password_hash)"
            " select id, right(id::text, 20), right(id::text, 20), 'x' from unnest($1::uuid[]) id",
            others,
        )
        await pg.execute(
            "insert into conversations (conversation_id, conversation_type, title, member_count)"
            " values ($1, 'group', 'Big', 5000)", big,
        )  # fmt: skip
        members = [who["alice"], who["bob"], who["carol"], *others]
        await pg.execute(
            "insert into conversation_participants (conversation_id, user_id)"
            " select $1, unnest($2::uuid[])", big, members,
        )  # fmt: skip
        assert len(members) > CHUNK
        async with user(two, "bob"), user(two, "carol") as carol:
            await carol.call(SetPresence(op_id=uuid7(), invisible=True))
            await sees(alice, online=who["bob"])
            assert (await alice.call(CountPresence(conversation_id=big))).online == 2
        assert (await alice.call(CountPresence(conversation_id=big))).online == 2, "of a moment ago"
        async with user(two, "dave") as dave:
            asked = CountPresence(conversation_id=big)
            assert await refused(dave, asked) == "not_found conversation_id"
