"""Bans: who is sent away from a group and kept out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from lumina_protocol.bans import BanChanged, BanMember, ListBans, UnbanMember
from lumina_protocol.conversations import ConversationLeft
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.invites import CreateInvite, JoinConversation, ListInvites, LookAtInvite
from lumina_protocol.members import AddMembers, MembersChanged
from lumina_protocol.messages import Note, ReadHistory

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_groups import in_this_order, set_role
from tests.handlers.test_members import House, opened
from tests.house import message, say
from tests.oracle import oracle


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def test_who_is_banned_is_sent_away_and_kept_out(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "carol", "admin")
    bob = {"conversation_id": group, "user_id": house.id("bob")}
    async with oracle(*house.clients.values()):
        banned = await house["carol"].call(BanMember(op_id=uuid7(), **bob))
        assert banned == BanChanged(changed=True, seq=3, rev=3)
        await say(house["alice"], group, "without bob")
    left = await house.told("bob", ConversationLeft)
    assert isinstance(left, ConversationLeft)
    assert left == ConversationLeft(conversation_id=group, rev=3, user_rev=left.user_rev)
    note = (await house.history("alice", group))[2]
    assert note.content == "carol banned bob."
    assert note.note == Note(kind="banned", people=[house.person("bob")])
    assert await house.refused("bob", message(group, "let me in")) == "not_found conversation_id"
    assert await house.refused("bob", ReadHistory(conversation_id=group)) == (
        "not_found conversation_id"
    )
    add = AddMembers(conversation_id=group, usernames=["dave", "bob"], op_id=uuid7())
    assert await house.refused("alice", add) == "banned usernames"
    assert await house.roles(group) == {"alice": "owner", "carol": "admin"}
    again = await house["carol"].call(BanMember(op_id=uuid7(), **bob))
    assert again == BanChanged(changed=False)


async def test_who_is_let_in_again_comes_back_when_somebody_brings_them(house: House) -> None:
    group = await house.group("bob")
    bob = {"conversation_id": group, "user_id": house.id("bob")}
    await house["alice"].call(BanMember(op_id=uuid7(), **bob))
    async with oracle(house["alice"], house["carol"]):
        assert await house["alice"].call(UnbanMember(op_id=uuid7(), **bob)) == BanChanged(
            changed=True
        )
        assert await house.roles(group) == {"alice": "owner"}
        added = await house.add(group, "bob")
    assert added.user_ids == [house.id("bob")]
    assert await house["alice"].call(UnbanMember(op_id=uuid7(), **bob)) == BanChanged(changed=False)


async def test_who_was_never_in_it_is_kept_out_quietly(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    invite = CreateInvite(invite_id=uuid7(), conversation_id=group)
    code = (await house["alice"].call(invite)).code
    ban = BanMember(conversation_id=group, user_id=house.id("dave"), op_id=uuid7())
    async with oracle(*house.clients.values()):
        assert await house["alice"].call(ban) == BanChanged(changed=True)
        assert await house["alice"].call(ban) == BanChanged(changed=True), "a retry"
    assert await pg.fetchval("select last_rev from conversations") == 1
    assert await house.refused("dave", LookAtInvite(code=code)) == "banned code"
    assert await house.refused("dave", JoinConversation(code=code, op_id=uuid7())) == "banned code"
    assert await pg.fetchval("select uses from conversation_invites") == 0


async def test_links_of_who_is_banned_lead_nowhere_any_more(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "bob", "admin")
    for name in ("alice", "bob"):
        await house[name].call(CreateInvite(invite_id=uuid7(), conversation_id=group))
    ban = BanMember(conversation_id=group, user_id=house.id("bob"), op_id=uuid7())
    await house["alice"].call(ban)
    (left,) = (await house["alice"].call(ListInvites(conversation_id=group))).invites
    assert left.created_by == house.id("alice")


async def test_only_admins_ban_and_nobody_an_owner_or_themselves(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob", "carol")
    dave = {"conversation_id": group, "user_id": house.id("dave")}
    for asked in (
        BanMember(op_id=uuid7(), **dave),
        UnbanMember(op_id=uuid7(), **dave),
        ListBans(conversation_id=group),
    ):
        assert await house.refused("bob", asked) == "forbidden conversation_id"
        assert await house.refused("dave", asked) == "not_found conversation_id"
    await set_role(house, group, "bob", "admin")
    for name, refusal in (("alice", "forbidden user_id"), ("bob", "invalid user_id")):
        ban = BanMember(conversation_id=group, user_id=house.id(name), op_id=uuid7())
        assert await house.refused("bob", ban) == refusal
    nobody = BanMember(conversation_id=group, user_id=uuid7(), op_id=uuid7())
    assert await house.refused("bob", nobody) == "not_found user_id"
    assert await pg.fetchval("select count(*) from conversation_bans") == 0


async def test_who_is_kept_out_is_listed_newest_first(house: House) -> None:
    group = await house.group("bob", "carol")
    for name in ("bob", "carol", "dave"):
        ban = BanMember(conversation_id=group, user_id=house.id(name), op_id=uuid7())
        await house["alice"].call(ban)
    first = await house["alice"].call(ListBans(conversation_id=group, limit=2))
    assert ([ban.username for ban in first.bans], first.more) == (["dave", "carol"], True)
    assert {ban.banned_by for ban in first.bans} == {house.id("alice")}
    last = first.bans[-1]
    before = last.banned_at, last.user_id
    rest = await house["alice"].call(ListBans(conversation_id=group, before=before, limit=2))
    assert ([ban.user_id for ban in rest.bans], rest.more) == ([house.id("bob")], False)


@pytest.mark.parametrize("first", ["ban", "add"])
async def test_who_is_banned_and_added_at_once_is_out(
    house: House, pg: asyncpg.Connection, first: str
) -> None:
    group = await house.group("carol")
    await set_role(house, group, "carol", "admin")
    asked: dict[str, tuple[Client, Request[Any]]] = {
        "ban": (
            house["alice"],
            BanMember(conversation_id=group, user_id=house.id("bob"), op_id=uuid7()),
        ),
        "add": (
            house["carol"],
            AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7()),
        ),
    }
    (second,) = {"ban", "add"} - {first}
    answers = await in_this_order(pg, group, asked[first], asked[second])
    if first == "ban":
        assert answers == [BanChanged(changed=True), "banned"]
    else:
        assert isinstance(answers[0], MembersChanged)
        assert answers[1] == BanChanged(changed=True, seq=4, rev=4)
    assert await house.roles(group) == {"alice": "owner", "carol": "admin"}
