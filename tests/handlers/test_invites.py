"""Links to groups: who makes them, what they lead to, and who joins by them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ConversationJoined
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.groups import ChangeConversation
from lumina_protocol.invites import (
    CreateInvite,
    GroupJoined,
    InviteCreated,
    InviteSeen,
    JoinConversation,
    ListInvites,
    LookAtInvite,
    RevokeInvite,
)
from lumina_protocol.messages import Note

from lumina_rt import access
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.gcra import Rate
from lumina_rt.handlers import invites
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_groups import in_this_order, set_role
from tests.handlers.test_members import House, opened
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle, snapshot
from tests.workers import rows

HOUR = 3_600_000


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def invite(house: House, group: UUID, by: str = "alice", **limits: int) -> InviteCreated:
    asked = CreateInvite(invite_id=uuid7(), conversation_id=group, **limits)
    return await house[by].call(asked)


def join(code: str) -> JoinConversation:
    return JoinConversation(code=code, op_id=uuid7())


async def test_who_has_the_link_sees_the_group_and_joins_it(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    change = ChangeConversation(conversation_id=group, description="at five", op_id=uuid7())
    await house["alice"].call(change)
    made = await invite(house, group)
    look = LookAtInvite(code=made.code)
    seen = InviteSeen(
        conversation_id=group, title="Tea", description="at five", member_count=2, is_member=False
    )
    async with oracle(*house.clients.values()):
        assert await house["carol"].call(look) == seen
        asked = join(made.code)
        joined = await house["carol"].call(asked)
        await say(house["carol"], group, "hello")
    assert joined == GroupJoined(conversation_id=group, seq=3, rev=3)
    news = await house.told("carol", ConversationJoined)
    assert isinstance(news, ConversationJoined)
    assert news.conversation.last_seq == 3
    assert await house.said("carol", group) == ["carol joined.", "hello"]
    note = (await house.history("alice", group))[2]
    assert note.note == Note(kind="joined", people=[house.person("carol")])
    for again in (asked, join(made.code)):
        assert await house["carol"].call(again) == joined
    after = seen.model_copy(update={"is_member": True, "member_count": 3})
    assert await house["carol"].call(look) == after
    inviter, uses = house.id("alice"), "select uses from conversation_invites"
    assert await pg.fetchval(uses) == 1
    assert inviter == await pg.fetchval(
        "select invited_by from conversation_participants where user_id = $1", house.id("carol")
    )
    digests = await pg.fetch("select code_digest from conversation_invites")
    assert made.code.startswith("linv_")
    assert [row["code_digest"] for row in digests] != [made.code.encode()]


async def test_who_was_away_learns_what_became_of_the_group(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob", "carol")
    code = (await invite(house, group)).code
    await set_role(house, group, "bob", "admin")
    picture = await rows.media(pg, house.id("alice"), status="ready")
    change = ChangeConversation(conversation_id=group, op_id=uuid7(), picture_media_id=picture)
    with house["bob"].inbox() as inbox:
        async with oracle(house["bob"]):
            cut(house.nodes[1])  # that of bob and dave
            await house["alice"].call(change)
            await set_role(house, group, "carol", "owner")
            await house["dave"].call(join(code))
            await connected_again(inbox)
    assert await house.roles(group, "bob") == {
        "alice": "owner",
        "bob": "admin",
        "carol": "owner",
        "dave": "member",
    }


async def test_who_joins_a_group_without_an_owner_owns_it(house: House) -> None:
    group = await house.group("bob")
    made = await invite(house, group)
    await house.remove(group, "bob", by="bob")
    await house.remove(group, "alice", by="alice")
    async with oracle(house["carol"], house["dave"]):
        await house["carol"].call(join(made.code))
        await house["dave"].call(join(made.code))
    assert await house.roles(group, as_seen_by="dave") == {"carol": "owner", "dave": "member"}
    first, second = (await house.history("carol", group))[-2:]
    people = [house.person("carol")]
    assert first.note == Note(kind="joined", people=people, owner_id=house.id("carol"))
    assert second.note == Note(kind="joined", people=[house.person("dave")])


async def test_links_are_made_listed_and_revoked_by_admins(house: House) -> None:
    group = await house.group("bob", "carol")
    await set_role(house, group, "carol", "admin")
    soon = int(time.time() * 1000) + HOUR
    one = await invite(house, group, max_uses=3)
    two = await invite(house, group, by="carol", expires_at=soon)
    assert (two.invite.expires_at, two.invite.max_uses, two.invite.uses) == (soon, None, 0)
    listed = await house["carol"].call(ListInvites(conversation_id=group))
    assert listed.invites == [two.invite, one.invite]
    revoke = RevokeInvite(conversation_id=group, invite_id=one.invite.invite_id)
    for _ in range(2):
        await house["carol"].call(revoke)
    listed = await house["alice"].call(ListInvites(conversation_id=group))
    assert listed.invites == [two.invite]
    assert await house.refused("dave", join(one.code)) == "gone code"
    for asked in (
        CreateInvite(invite_id=uuid7(), conversation_id=group),
        ListInvites(conversation_id=group),
        revoke,
    ):
        assert await house.refused("bob", asked) == "forbidden conversation_id"
        assert await house.refused("dave", asked) == "not_found conversation_id"
    nowhere = revoke.model_copy(update={"invite_id": uuid7()})
    assert await house.refused("alice", nowhere) == "not_found invite_id"
    other = await house.group("bob")
    elsewhere = revoke.model_copy(
        update={"conversation_id": other, "invite_id": two.invite.invite_id}
    )
    assert await house.refused("alice", elsewhere) == "not_found invite_id"
    direct = await open_conversation(house["alice"], "bob")
    asked_direct = CreateInvite(invite_id=uuid7(), conversation_id=direct)
    assert await house.refused("alice", asked_direct) == "forbidden conversation_id"


async def test_a_group_has_not_more_links_than_allowed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invites, "MAX_INVITES", 2)
    group = await house.group("bob")
    first = await invite(house, group)
    same = CreateInvite(invite_id=first.invite.invite_id, conversation_id=group)
    assert await house.refused("alice", same) == "conflict invite_id"
    await invite(house, group, expires_at=1)
    await invite(house, group)
    asked = CreateInvite(invite_id=uuid7(), conversation_id=group)
    assert await house.refused("alice", asked) == "conflict invite_id"


async def test_a_link_that_is_over_leads_nowhere(
    house: House, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await house.group("bob")
    over = await invite(house, group, expires_at=1)
    once = await invite(house, group, max_uses=1)
    await house["carol"].call(join(once.code))
    for code in (over.code, once.code):
        for asked in (LookAtInvite(code=code), join(code)):
            assert await house.refused("dave", asked) == "gone code"
    assert await house.refused("dave", join("linv_none")) == "not_found code"
    again = await house["carol"].call(join(once.code))
    assert again.seq == 2, "who is in it is in it"
    monkeypatch.setattr(access, "MAX_MEMBERS", 3)
    more = await invite(house, group)
    assert await house.refused("dave", join(more.code)) == "full code"
    monkeypatch.setattr(access, "MAX_MEMBERS", 4)
    assert (await house["dave"].call(join(more.code))).seq == 3
    assert await pg.fetchval("select sum(uses) from conversation_invites") == 2


@pytest.mark.parametrize(("first", "second"), [("carol", "dave"), ("dave", "carol")])
async def test_of_two_who_join_at_once_by_the_last_use_one_does(
    house: House, pg: asyncpg.Connection, first: str, second: str
) -> None:
    group = await house.group("bob")
    code = (await invite(house, group, max_uses=1)).code
    answers = await in_this_order(
        pg, group, (house[first], join(code)), (house[second], join(code))
    )
    assert answers == [GroupJoined(conversation_id=group, seq=2, rev=2), "gone"]
    assert await pg.fetchval("select uses from conversation_invites") == 1
    assert set(await house.roles(group)) == {"alice", "bob", first}


async def test_one_who_joins_twice_at_once_is_counted_once(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    code = (await invite(house, group)).code
    dave = house["dave"]
    async with user(house.nodes[0], "dave") as dave_too:
        answers = await in_this_order(pg, group, (dave, join(code)), (dave_too, join(code)))
    assert answers == [GroupJoined(conversation_id=group, seq=2, rev=2)] * 2
    assert await pg.fetchval("select uses from conversation_invites") == 1
    assert (await snapshot(dave)).conversations[group].member_count == 3


async def test_guesses_are_limited_and_links_that_fit_are_not(settings: Settings) -> None:
    async with nodes(settings, 2, limit_invite=Rate(1, 3600, 3)) as (one, two):
        await register(one, "alice", "bob", "carol")
        async with user(one, "alice") as alice, user(two, "carol") as carol:
            house = House([one, two], {"alice": alice, "carol": carol}, {}, {})
            code = (await invite(house, await house.group("bob"))).code
            for _ in range(5):
                await carol.call(LookAtInvite(code=code))
            assert [await outcome(carol, f"linv_{number}") for number in range(4)] == [
                "not_found",
                "not_found",
                "not_found",
                "rate_limited",
            ]


async def outcome(client: Client, code: str) -> str:
    try:
        await client.call(LookAtInvite(code=code))
    except LuminaError as error:
        return error.body.code
    return "found"


async def test_a_link_revoked_while_somebody_joins_lets_nobody_in_after_it(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    made = await invite(house, group)
    revoke = RevokeInvite(conversation_id=group, invite_id=made.invite.invite_id)
    answers = await in_this_order(
        pg, group, (house["alice"], revoke), (house["dave"], join(made.code))
    )
    assert answers[1] == "gone"
    assert set(await house.roles(group)) == {"alice", "bob"}
