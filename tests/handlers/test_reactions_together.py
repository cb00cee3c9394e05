"""Moods that wait together are one transaction: each has its own answer, and every rule holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.posts import CreatePost
from lumina_protocol.reactions import ReactionChanged, ReactionKept, RemoveReaction, SetReaction

from lumina_rt.app import Node
from lumina_rt.cli.recount import recount
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.workers.counters import COUNTERS
from tests.handlers.test_message_reactions import id_of
from tests.handlers.test_posts import get, new_post
from tests.handlers.test_reactions import noticed, reach, react, take_back
from tests.house import nodes, register, user
from tests.locks import awaited
from tests.oracle import oracle
from tests.store.relay import Relay
from tests.watched import Board

Asked = SetReaction | RemoveReaction
LATE = """
select a.pid from pg_stat_activity a where pg_backend_pid() = any (pg_blocking_pids(a.pid))"""


@dataclass
class House:
    """All on one node, so that what they ask waits in one line: alice, who has a post; carol, dave;
    and bob with four devices, for each has one request under way."""

    pg: asyncpg.Connection
    node: Node
    alice: Client
    carol: Client
    dave: Client
    bobs: list[Client]
    post_id: UUID

    async def batch(self, *asked: tuple[Client, Asked]) -> list[ReactionKept | str]:
        """What they are answered who ask in this order, all but the first in one batch."""
        async with self.held():
            tasks = await self.line(asked)
        return [said(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]

    async def line(self, asked: Sequence[tuple[Client, Asked]]) -> list[asyncio.Task[ReactionKept]]:
        """They wait in this order, and the first alone is on its way."""
        tasks = []
        for client, request in asked:
            tasks.append(asyncio.create_task(client.call(request)))
            async with asyncio.timeout(5):
                while self.node.services.writers.waiting < len(tasks):
                    await asyncio.sleep(0.001)
            if len(tasks) == 1:
                await awaited(self.pg)
        return tasks

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        async with self.pg.transaction():
            await self.pg.execute("lock table op_keys in exclusive mode")
            yield


def said(answer: ReactionKept | BaseException) -> ReactionKept | str:
    if isinstance(answer, LuminaError):
        return f"{answer.body.code} {answer.body.field}"
    assert isinstance(answer, ReactionKept)
    return answer


@asynccontextmanager
async def house_at(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 1, lock_timeout_ms=5000) as (node,), AsyncExitStack() as stack:
        await register(node, "alice", "bob", "carol", "dave")
        alice, carol, dave, *bobs = [
            await stack.enter_async_context(user(node, name))
            for name in ("alice", "carol", "dave", *["bob"] * 4)
        ]
        await alice.call(asked := new_post())
        yield House(pg, node, alice, carol, dave, bobs, asked.post_id)


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with house_at(settings, pg) as house:
        yield house


async def changes(inbox: Inbox, count: int) -> list[tuple[int, str | None]]:
    """As one's devices are told of them."""
    found: list[tuple[int, str | None]] = []
    async with asyncio.timeout(10):
        async for news in inbox:
            if isinstance(news, ReactionChanged):
                found.append((news.user_rev, news.mood))
            if len(found) == count:
                break
    return found


def beside(house: House, **values: object) -> CreatePost:
    """Another post, whose moods wait in the same line."""
    lines = house.node.services.writers.lines
    while True:
        asked = new_post(**values)
        if hash(asked.post_id) % lines == hash(house.post_id) % lines:
            return asked


async def test_one_that_is_refused_fails_alone(house: House) -> None:
    bob, bob_too = house.bobs[:2]
    closed = beside(house, allow_reactions=False)
    hidden = beside(house, visibility="private")
    for asked in (closed, hidden):
        await house.alice.call(asked)
    await house.carol.call(used := react(house.post_id))
    await house.alice.call(BlockUser(user_id=id_of(house.dave), op_id=uuid7()))
    late = react(house.post_id).model_copy(update={"op_id": UUID(int=uuid7().int & (2**80 - 1))})
    async with oracle(house.alice, bob, house.carol):
        first, *rest = await house.batch(
            (house.alice, react(house.post_id)),
            (house.bobs[2], react(hidden.post_id)),
            (house.dave, react(house.post_id)),
            (bob, again := react(house.post_id)),
            (house.bobs[3], late),
            (bob_too, taken := react(closed.post_id)),
            (house.carol, used.model_copy(update={"mood": "excited"})),
        )
    kept = ReactionKept(post_id=house.post_id, mood="curious", changed=True)
    assert [first, rest[2]] == [kept, kept]
    del rest[2]
    assert rest == [
        *("not_found post_id", "not_found post_id", "too_old op_id", "forbidden post_id"),
        "conflict op_id",
    ]
    assert await bob.call(again) == kept, "a retry"
    assert (await get(bob, house.post_id)).reactions == {"curious": 3}
    open_again = "update posts set allow_reactions = true where post_id = $1"
    await house.pg.execute(open_again, closed.post_id)
    assert (await bob.call(taken)).changed, "what was refused is tried again"


async def test_what_devices_do_in_one_batch_happens_in_its_order(house: House) -> None:
    before = react(house.post_id, "grateful")
    await house.bobs[0].call(before)
    await noticed(house.alice, 1)
    moods = (None, "excited", "excited", "curious")
    with house.bobs[0].inbox() as inbox, house.alice.inbox() as watched:
        board = await Board.watch(house.alice, watched, house.post_id)
        async with oracle(house.alice, *house.bobs[:2]):
            asked = [react(house.post_id, m) if m else take_back(house.post_id) for m in moods]
            _, *answers = await house.batch(
                (house.carol, react(house.post_id)), *zip(house.bobs, asked, strict=True)
            )
            assert answers == [
                ReactionKept(post_id=house.post_id, mood=mood, changed=changed)
                for mood, changed in zip(moods, (True, True, False, True), strict=True)
            ]
            await noticed(house.alice, 2)
        told_of = "select array_length(user_ids, 1) from outbox where $1 = any (user_ids)"
        rows = await house.pg.fetch(told_of, id_of(house.bobs[0]))
        assert sorted(row[0] for row in rows) == [1, 3], "the batch is one transaction"
        told = await changes(inbox, 3)
        assert [mood for _, mood in told] == [None, "excited", "curious"]
        assert [rev - told[0][0] for rev, _ in told] == [0, 1, 2]
        await reach(board, {"curious": 2})
    asked = [take_back(house.post_id), react(house.post_id), take_back(house.post_id)]
    _, *answers = await house.batch(
        (house.carol, react(house.post_id)), *zip(house.bobs[:3], asked, strict=True)
    )
    assert [answer for answer in answers if not isinstance(answer, str) and answer.changed] == [
        ReactionKept(post_id=house.post_id, mood=mood, changed=True)
        for mood in (None, "curious", None)
    ]
    await noticed(house.alice, 1)
    assert (await get(house.bobs[0], house.post_id)).reactions == {"curious": 1}


async def test_a_key_that_comes_twice_in_one_batch_is_one_change(house: House) -> None:
    asked = react(house.post_id)
    other = asked.model_copy(update={"mood": "excited"})
    with house.bobs[3].inbox() as inbox:
        answers = await house.batch(
            (house.carol, react(house.post_id)),
            *zip(house.bobs, (asked, asked, other), strict=False),
        )
        await house.bobs[0].call(take_back(house.post_id))
        assert [mood for _, mood in await changes(inbox, 2)] == ["curious", None]
    assert answers[1] == answers[2]
    assert answers[3] == "conflict op_id"


async def test_one_who_reacts_anew_is_the_newest(house: House) -> None:
    """Also when both are in one batch; another mood leaves its time as it is."""
    at = "select created_at from reactions where user_id = $1"
    bob = id_of(house.bobs[0])
    await house.bobs[0].call(react(house.post_id))
    first = await house.pg.fetchval(at, bob)
    await house.bobs[0].call(react(house.post_id, "excited"))
    assert await house.pg.fetchval(at, bob) == first
    await house.batch(
        (house.carol, react(house.post_id)),
        (house.bobs[0], take_back(house.post_id)),
        (house.bobs[1], react(house.post_id)),
    )
    assert await house.pg.fetchval(at, bob) > first


async def test_a_batch_whose_connection_breaks_is_done_again(house: House) -> None:
    people = (house.alice, house.carol, house.bobs[0])
    async with oracle(*people):
        async with house.held():
            tasks = await house.line([(client, react(house.post_id)) for client in people])
            pid = await house.pg.fetchval(LATE)
            await house.pg.execute("select pg_terminate_backend($1)", pid)
            async with asyncio.timeout(5):
                while await house.pg.fetchval(LATE) in (pid, None):
                    pass
        answers = await asyncio.gather(*tasks)
        await noticed(house.alice, 2)
    assert [answer.changed for answer in answers] == [True] * 3
    assert (await get(house.carol, house.post_id)).reactions == {"curious": 3}


async def test_a_batch_in_doubt_is_done_once(
    settings: Settings, pg: asyncpg.Connection, tmp_path: Path, writer_url: str
) -> None:
    """The node does not hear that it has committed, and does it again."""
    relay = Relay(tmp_path, settings.database_url)
    relay.committed = b"\0\0\0\4kept"
    await relay.start()
    through = urlsplit(relay.url)._replace(netloc=urlsplit(writer_url).netloc).geturl()
    try:
        async with house_at(settings.model_copy(update={"database_url": through}), pg) as house:
            people = (house.alice, house.carol, house.bobs[0])
            with house.alice.inbox() as inbox:
                board = await Board.watch(house.alice, inbox, house.post_id)
                async with oracle(*people):
                    async with house.held():
                        asked = [react(house.post_id) for _ in people]
                        tasks = await house.line(list(zip(people, asked, strict=True)))
                        relay.lose_commit_answers = 2  # of both batches
                    answers = await asyncio.gather(*tasks)
                    await noticed(house.alice, 2)
                await reach(board, {"curious": 3})
            assert relay.lose_commit_answers == 0
            assert [answer.changed for answer in answers] == [True] * 3
    finally:
        await relay.stop()
    found = await recount(settings.database_url, COUNTERS, fix=False, fold=True)
    assert [each for each in found if each.wrong] == []


async def test_batches_that_lock_in_other_orders_wait_in_no_circle(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """Two nodes, the same users on the same posts, in opposite orders."""
    async with nodes(settings, 2) as both, AsyncExitStack() as stack:
        names = [f"user{n}" for n in range(8)]
        await register(both[0], *names)
        there = [
            [await stack.enter_async_context(user(node, name)) for name in order]
            for node, order in zip(both, (names, names[::-1]), strict=True)
        ]
        posts = [new_post() for _ in range(3)]
        for asked in posts:
            await there[0][0].call(asked)
        for mood in ("curious", "excited", "grateful"):
            await asyncio.gather(
                *(
                    client.call(react(post.post_id, mood))
                    for clients, order in zip(there, (posts, posts[::-1]), strict=True)
                    for client in clients
                    for post in order
                )
            )
        for post in posts:
            assert (await get(there[1][0], post.post_id)).reactions == {"grateful": 8}
        counted = [
            node.telemetry.registry.get_sample_value("lumina_deadlocks_total") for node in both
        ]
    assert counted == [0, 0]
    assert len(await pg.fetch("select from reactions")) == 24
