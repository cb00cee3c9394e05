"""Groups: who may do what in one, and how it shows itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.groups import ChangeConversation, GroupChanged, Role, SetRole
from lumina_protocol.members import MembersChanged
from lumina_protocol.messages import GroupLook, Note

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_members import LIMIT_S, House, opened
from tests.house import open_conversation
from tests.oracle import oracle
from tests.workers import rows


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def set_role(
    house: House, group: UUID, name: str, role: Role, by: str = "alice"
) -> MembersChanged:
    return await house[by].call(to_role(house, group, name, role))


def to_role(house: House, group: UUID, name: str, role: Role) -> SetRole:
    return SetRole(conversation_id=group, user_id=house.id(name), role=role, op_id=uuid7())


def change(group: UUID, **values: Any) -> ChangeConversation:
    return ChangeConversation(conversation_id=group, op_id=uuid7(), **values)


async def in_this_order(
    pg: asyncpg.Connection, group: UUID, *asked: tuple[Client, Request[Any]]
) -> list[Any]:
    """All at once, and locks are given in the order of the arguments. Errors by their code."""
    calls: list[asyncio.Task[Any]] = []
    async with asyncio.timeout(LIMIT_S), pg.transaction():
        await pg.execute(
            "select from conversations where conversation_id = $1 for no key update", group
        )
        for number, (client, request) in enumerate(asked, start=1):
            calls.append(asyncio.create_task(client.call(request)))
            while await waiting(pg) < number:
                await asyncio.sleep(0)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    return [a.body.code if isinstance(a, LuminaError) else a for a in answers]


async def waiting(pg: asyncpg.Connection) -> int:
    count: int = await pg.fetchval(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    return count


async def test_an_owner_gives_and_takes_every_role(house: House) -> None:
    group = await house.group("bob", "carol")
    async with oracle(*house.clients.values()):
        told = await set_role(house, group, "bob", "admin")
        assert told == MembersChanged(user_ids=[house.id("bob")], seq=2, rev=2)
        await set_role(house, group, "carol", "owner")
        await set_role(house, group, "carol", "member")
        await set_role(house, group, "bob", "owner")
        await set_role(house, group, "alice", "member")
    assert await house.roles(group) == {"alice": "member", "bob": "owner", "carol": "member"}
    said = await house.history("carol", group)
    assert [message.content for message in said[1:]] == [
        "alice made bob an admin.",
        "alice made carol an owner.",
        "alice made carol a member.",
        "alice made bob an owner.",
        "alice is a member now.",
    ]
    assert said[1].note == Note(kind="role", people=[house.person("bob")], role="admin")


async def test_who_makes_another_one_owner_stays_one(house: House) -> None:
    group = await house.group("bob")
    await set_role(house, group, "bob", "owner")
    assert await house.roles(group) == {"alice": "owner", "bob": "owner"}


async def test_admins_do_not_decide_who_owns_the_group(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "bob", "admin")
    for name in ("bob", "carol"):
        asked = to_role(house, group, name, "owner")
        assert await house.refused("bob", asked) == "forbidden role"
    for role in ("admin", "member"):
        asked = SetRole(conversation_id=group, user_id=house.id("alice"), role=role, op_id=uuid7())
        assert await house.refused("bob", asked) == "forbidden role"
    await set_role(house, group, "carol", "admin", by="bob")
    await set_role(house, group, "carol", "member", by="bob")
    await set_role(house, group, "bob", "member", by="bob")
    assert await house.roles(group) == {"alice": "owner", "bob": "member", "carol": "member"}


async def test_members_and_strangers_change_nothing(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob", "carol")
    for asked in (to_role(house, group, "bob", "admin"), change(group, title="Coffee")):
        assert await house.refused("bob", asked) == "forbidden conversation_id"
        assert await house.refused("dave", asked) == "not_found conversation_id"
    asked = to_role(house, group, "dave", "admin")
    assert await house.refused("alice", asked) == "not_found user_id"
    assert await pg.fetchval("select last_rev from conversations") == 1


async def test_the_last_owner_does_not_step_down(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob", "carol")
    asked = to_role(house, group, "alice", "admin")
    assert await house.refused("alice", asked) == "forbidden role"
    await set_role(house, group, "bob", "owner")
    bob = house.id("bob")
    await pg.execute(
        "update users set deleted_at = now(), is_active = false where user_id = $1", bob
    )
    assert await house.refused("alice", asked) == "forbidden role", "bob cannot own it now"
    await pg.execute("update users set deleted_at = null, is_active = true where user_id = $1", bob)
    await house["alice"].call(asked)
    assert await house.roles(group) == {"alice": "admin", "bob": "owner", "carol": "member"}


async def test_whose_account_is_deleted_becomes_nothing(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    await set_role(house, group, "bob", "admin")
    await pg.execute(
        "update users set deleted_at = now(), is_active = false where user_id = $1", house.id("bob")
    )
    asked = to_role(house, group, "bob", "owner")
    assert await house.refused("alice", asked) == "forbidden user_id"
    await set_role(house, group, "bob", "member")
    assert await house.roles(group) == {"alice": "owner", "bob": "member"}


@pytest.mark.parametrize(("first", "second"), [("bob", "carol"), ("carol", "bob")])
async def test_of_two_admins_who_demote_each_other_the_first_wins(
    house: House, pg: asyncpg.Connection, first: str, second: str
) -> None:
    group = await house.group("bob", "carol")
    for name in (first, second):
        await set_role(house, group, name, "admin")
    answers = await in_this_order(
        pg,
        group,
        (house[first], to_role(house, group, second, "member")),
        (house[second], to_role(house, group, first, "member")),
    )
    assert answers == [
        MembersChanged(user_ids=[house.id(second)], seq=4, rev=4),
        "forbidden",
    ]
    assert await house.roles(group) == {"alice": "owner", first: "admin", second: "member"}


async def test_of_two_owners_who_step_down_at_once_one_stays(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    await set_role(house, group, "bob", "owner")
    answers = await in_this_order(
        pg,
        group,
        (house["bob"], to_role(house, group, "bob", "member")),
        (house["alice"], to_role(house, group, "alice", "member")),
    )
    assert answers[1] == "forbidden"
    assert await house.roles(group) == {"alice": "owner", "bob": "member"}


async def test_who_has_the_role_already_is_not_told_again(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    assert await set_role(house, group, "bob", "member") == MembersChanged(user_ids=[])
    asked = to_role(house, group, "bob", "admin")
    first = await house["alice"].call(asked)
    assert await house["alice"].call(asked) == first
    assert await pg.fetchval("select last_rev from conversations") == 2


async def test_a_group_shows_itself_as_its_admins_want(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "bob", "admin")
    picture = await rows.media(pg, house.id("bob"), status="ready")
    async with oracle(*house.clients.values()):
        told = await house["bob"].call(change(group, title="Coffee", description="at five"))
        assert told == GroupChanged(seq=3, rev=3)
        await house["bob"].call(change(group, picture_media_id=picture))
        await house["alice"].call(change(group, description=""))
    seen = await house.seen("carol", group)
    assert (seen.title, seen.description, seen.picture_media_id) == ("Coffee", None, picture)
    said = await house.history("carol", group)
    assert [message.content for message in said[2:]] == [
        'bob changed the title to "Coffee" and the description.',
        "bob changed the picture.",
        "alice changed the description.",
    ]
    look = GroupLook(title="Coffee", description="at five")
    assert said[2].note == Note(kind="changed", group=look)
    assert await house["alice"].call(change(group, title="Coffee")) == GroupChanged()


async def test_a_picture_is_kept_while_the_group_uses_it(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    one, other = [await rows.media(pg, house.id("alice"), status="ready") for _ in range(2)]
    refs = "select media_id from media_refs where subject_type = 'conversation'"
    for asked, kept in (
        (change(group, picture_media_id=one), [one]),
        (change(group, title="Coffee"), [one]),
        (change(group, picture_media_id=other), [other]),
        (change(group, remove_picture=True), []),
    ):
        async with oracle(house["bob"]):
            await house["alice"].call(asked)
        assert [row["media_id"] for row in await pg.fetch(refs)] == kept


async def test_a_picture_is_ones_own_and_ready(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    alice = house.id("alice")
    wrong = [
        uuid7(),
        await rows.media(pg, alice),
        await rows.media(pg, house.id("bob"), status="ready"),
        deleted := await rows.media(pg, alice, status="ready"),
        video := await rows.media(pg, alice, status="ready"),
    ]
    await pg.execute(
        "update media_objects set is_deleted = true, deleted_at = now() where media_id = $1",
        deleted,
    )
    await pg.execute("update media_objects set kind = 'video' where media_id = $1", video)
    for picture in wrong:
        asked = change(group, picture_media_id=picture)
        assert await house.refused("alice", asked) == "not_found picture_media_id"
    asked = change(group, remove_picture=True).model_copy(update={"picture_media_id": video})
    assert await house.refused("alice", asked) == "invalid None"


async def test_direct_conversations_have_neither_roles_nor_a_title(house: House) -> None:
    direct = await open_conversation(house["alice"], "bob")
    for asked in (to_role(house, direct, "bob", "admin"), change(direct, title="Us")):
        assert await house.refused("alice", asked) == "forbidden conversation_id"
