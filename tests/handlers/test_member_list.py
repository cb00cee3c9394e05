"""All members of a conversation, in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import chain
from uuid import UUID

import pytest
from lumina_protocol.conversations import Member
from lumina_protocol.member_list import ListMembers, MemberPage
from lumina_protocol.receipts import ReadConversation

from lumina_rt.config import Settings
from tests.handlers.test_groups import set_role
from tests.handlers.test_members import House, opened
from tests.house import open_conversation, register, say


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


def names(page: MemberPage) -> list[str]:
    return [member.username for member in page.members]


async def pages(house: House, group: UUID, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    asked, more = ListMembers(conversation_id=group, limit=limit), True
    while more:
        page = await house["carol"].call(asked)
        found.append(names(page))
        last, more = page.members[-1], page.more
        asked = ListMembers.model_validate(
            {**asked.model_dump(), "after": (last.role, last.username)}
        )
    return found


async def test_all_members_are_listed_those_who_decide_first(house: House) -> None:
    others = [f"Member.{number:02}" for number in range(25)]
    await register(house.nodes[0], *others)
    group = await house.group("bob", "carol", *others)
    await set_role(house, group, "carol", "admin")
    everybody = ["alice", "carol", "bob", *others]
    listed = await house["bob"].call(ListMembers(conversation_id=group))
    assert (names(listed), listed.more) == (everybody, False)
    assert [member.role for member in listed.members[:3]] == ["owner", "admin", "member"]
    for limit in (1, 9, 27, 28):
        found = await pages(house, group, limit)
        assert [len(page) <= limit for page in found] == [True] * len(found)
        assert list(chain(*found)) == everybody
    prefixed = await house["bob"].call(ListMembers(conversation_id=group, prefix="mEMber.1"))
    assert names(prefixed) == others[10:20]
    wild = await house["bob"].call(ListMembers(conversation_id=group, prefix="%"))
    assert names(wild) == []


async def test_a_list_shows_what_a_conversation_does_and_to_its_members_only(house: House) -> None:
    direct = await open_conversation(house["alice"], "bob")
    await say(house["alice"], direct, "hello")
    await house["bob"].call(ReadConversation(conversation_id=direct, seq=1))
    page = await house["alice"].call(ListMembers(conversation_id=direct))
    shown = sorted((await house.seen("alice", direct)).members, key=lambda one: one.username)
    assert page.members == shown
    assert page.members[1] == Member(
        user_id=house.id("bob"), username="bob", delivered_seq=1, read_seq=1
    )
    asked = ListMembers(conversation_id=direct)
    assert await house.refused("carol", asked) == "not_found conversation_id"
