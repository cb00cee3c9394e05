"""Who leaves a group, all at once, or for ever; and who owns it then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.lifecycle import DeleteAccount
from lumina_protocol.members import MembersChanged, RemoveMember
from lumina_protocol.messages import SendMessage

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.tokens import digest, new_bot_token
from lumina_rt.workers import erasure
from lumina_rt.workers.erasure import Erasure
from tests.handlers.test_groups import set_role, to_role
from tests.handlers.test_members import House, opened
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.oracle import oracle
from tests.workers import rows

LATER = timedelta(days=31)


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def test_the_last_owner_leaves_and_an_heir_is_told(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "carol", "admin")
    async with oracle(*house.clients.values()):
        await house.remove(group, "alice", by="alice")
        await set_role(house, group, "bob", "admin", by="carol")
    assert await house.roles(group, "bob") == {"bob": "admin", "carol": "owner"}


async def test_one_of_two_owners_leaves_and_there_is_no_heir(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "bob", "owner")
    await house.remove(group, "alice", by="alice")
    assert await house.roles(group, "bob") == {"bob": "owner", "carol": "member"}


async def test_an_account_that_is_gone_inherits_nothing(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob", "carol", "dave")
    await set_role(house, group, "bob", "admin")
    gone = (
        "update users set is_active = false, deleted_at = now(), erased_at = {} where user_id = $1"
    )
    await pg.execute(gone.format("now()"), house.id("bob"))
    await pg.execute(gone.format("null"), house.id("carol"))
    await house.remove(group, "alice", by="alice")
    assert await house.roles(group, "dave") == {
        "bob": "admin",
        "carol": "member",
        "dave": "owner",
    }


async def big_group(
    pg: asyncpg.Connection, size: int, real: int
) -> tuple[UUID, list[tuple[UUID, str]]]:
    """A group of `size`, by rows; of the first `real`, the id and a token to log in by."""
    users = [uuid7() for _ in range(size)]
    people = [(user_id, new_bot_token()) for user_id in users[:real]]
    await pg.executemany(
        "insert into users (user_id, username, username_key, password_hash)"
        " values ($1, $2::text, $2::text, '!')",
        [(user_id, f"one.{number}") for number, user_id in enumerate(users)],
    )
    for user_id, token in people:
        await rows.add(
            pg, "access_tokens", token_id=uuid7(), user_id=user_id, name="bot",
            token_digest=digest(token), scopes=["read", "messages.write"],
        )  # fmt: skip
    group = uuid7()
    await rows.add(
        pg, "conversations", conversation_id=group, conversation_type="group", title="All"
    )
    await pg.executemany(
        "insert into conversation_participants (conversation_id, user_id, role)"
        " values ($1, $2, $3)",
        [(group, user_id, "member" if number else "owner") for number, user_id in enumerate(users)],
    )
    return group, people


@pytest.mark.timeout(60)
async def test_fifty_leave_a_big_group_at_once_and_others_are_served(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2, database_pool=4) as both, AsyncExitStack() as stack:
        await register(both[0], "alice", "bob")
        group, people = await big_group(pg, 300, 50)
        alice = await stack.enter_async_context(user(both[0], "alice"))
        direct = await open_conversation(alice, "bob")
        leavers = [
            await stack.enter_async_context(Client(both[turn % 2].url, token=token))
            for turn, (_, token) in enumerate(people)
        ]
        leaving = [
            asyncio.create_task(leave(client, group, user_id))
            for client, (user_id, _) in zip(leavers, people, strict=True)
        ]
        await say(alice, direct, "meanwhile")
        under_way = [task for task in leaving if not task.done()]
        gone = await asyncio.gather(*leaving)
    assert under_way, "she did not wait for all of them"
    assert sorted(reply.rev or 0 for reply in gone) == list(range(1, 51)), "without holes"
    owners = await pg.fetch(
        "select count(*), count(*) filter (where role = 'owner') as owners"
        " from conversation_participants where conversation_id = $1", group,
    )  # fmt: skip
    assert [tuple(row) for row in owners] == [(250, 1)]


async def leave(client: Client, group: UUID, user_id: UUID) -> MembersChanged:
    """Until it is done, as an app does it."""
    asked = RemoveMember(conversation_id=group, user_id=user_id, op_id=uuid7())
    while True:
        try:
            return await client.call(asked)
        except LuminaError as error:
            assert error.body.temporary
            await asyncio.sleep((error.body.retry_after_ms or 100) / 1000)


async def test_who_waits_for_a_group_keeps_no_connection_from_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """With a pool of three, ten who wait for one group would keep all of it."""
    async with nodes(settings, 1, database_pool=3) as (node,), AsyncExitStack() as stack:
        await register(node, "alice", "bob")
        group, people = await big_group(pg, 12, 10)
        alice = await stack.enter_async_context(user(node, "alice"))
        direct = await open_conversation(alice, "bob")
        leavers = [
            await stack.enter_async_context(Client(node.url, token=token)) for _, token in people
        ]
        async with pg.transaction():
            await pg.execute(
                "select from conversations where conversation_id = $1 for no key update", group
            )
            leaving = [
                asyncio.create_task(leave(client, group, user_id))
                for client, (user_id, _) in zip(leavers, people, strict=True)
            ]
            while not waits(node, group):
                await asyncio.sleep(0)
            said = SendMessage(conversation_id=direct, message_id=uuid7(), content="meanwhile")
            await alice.call(said, timeout_s=3)
        await asyncio.gather(*leaving)


def waits(node: Node, group: UUID) -> bool:
    line = node.services.lines._lines.get(group)
    return line is not None and line.locked()


async def test_everybody_leaves(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob", "carol", "dave")
    async with oracle(*house.clients.values()):
        await asyncio.gather(*(house.remove(group, name, by=name) for name in house.clients))
    assert await pg.fetchval("select count(*) from conversation_participants") == 0
    assert await pg.fetchval("select last_rev from conversations") == 5
    assert await house.refused("alice", to_role(house, group, "bob", "admin")) == (
        "not_found conversation_id"
    )


async def test_the_groups_of_an_erased_account_pass_on(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "GROUPS", 2)
    async with opened(settings) as house:
        groups = [await house.group("bob", "carol") for _ in range(3)]
        await set_role(house, groups[0], "carol", "admin")
        await set_role(house, groups[1], "bob", "owner")
        alice = house.id("alice")
        await house["alice"].call(DeleteAccount(password=PASSWORD))
        one = house.nodes[0]
        async with oracle(house["bob"], house["carol"]):
            await Erasure(one.services.db, one.telemetry).turn(datetime.now(UTC) + LATER)
        erased = f"deleted_{alice.hex[-12:]}"
        for group, owner in zip(groups, ("carol", "bob", "bob"), strict=True):
            roles = await house.roles(group, "bob")
            assert roles == {erased: "member", "bob": "member", "carol": "member", owner: "owner"}
            last = (await house.history("carol", group))[-1]
            assert "alice" not in last.content
            assert last.note is not None
            assert [person.username for person in last.note.people] == [erased]
    assert await pg.fetchval("select count(*) from users where erased_at is not null") == 1
