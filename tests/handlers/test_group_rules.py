"""What the admins of a group decide for the others: how often they say something, and whether."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import MemberTyping, TellTyping
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.groups import GroupChanged
from lumina_protocol.message_reactions import React
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    GroupLook,
    MessageSent,
    Note,
    SendMessage,
)
from lumina_protocol.scheduled import ListScheduled, ScheduleMessage

from lumina_rt.config import Settings
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_groups import change, set_role, waiting
from tests.handlers.test_members import LIMIT_S, House, opened
from tests.handlers.test_scheduled import DUE, later
from tests.handlers.test_sending import codes, held
from tests.house import message, say, send_all
from tests.locks import awaited
from tests.oracle import oracle

YESTERDAY = """
update conversations set updated_at = updated_at - interval '1 day' where conversation_id = $1"""
LOCK_RECEIPT = """
select from receipts where conversation_id = $1 and user_id = $2 for no key update"""
LOCK_MEMBERS = """
select from conversation_participants where conversation_id = $1 for no key update nowait"""
TIME_PASSES = "update receipts set last_sent_at = last_sent_at - interval '1 hour'"


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def slow(house: House, seconds: int = 60) -> UUID:
    group = await house.group("bob", "carol")
    await house["alice"].call(change(group, slow_mode_s=seconds))
    return group


def told_by(error: BaseException | MessageSent) -> int:
    assert isinstance(error, LuminaError)
    assert (error.body.code, error.body.temporary) == ("slow_mode", False)
    return error.body.retry_after_ms or 0


async def test_the_rules_of_a_group_are_shown_and_told(house: House) -> None:
    group = await house.group("bob", "carol")
    before = await house.seen("carol", group)
    assert (before.slow_mode_s, before.who_may_send) == (0, "everyone")
    async with oracle(*house.clients.values()):
        asked = change(group, slow_mode_s=30, who_may_send="admins")
        assert await house["alice"].call(asked) == GroupChanged(seq=2, rev=2)
        assert await house["alice"].call(change(group, slow_mode_s=30)) == GroupChanged()
        with house["bob"].inbox() as inbox:
            cut(house.nodes[1])
            await house["alice"].call(change(group, slow_mode_s=0))
            await connected_again(inbox)
    after = await house.seen("carol", group)
    assert (after.slow_mode_s, after.who_may_send) == (0, "admins")
    said = await house.history("carol", group)
    assert [message.content for message in said[1:]] == [
        "alice changed slow mode to 30 s and who may send to admins.",
        "alice changed slow mode to off.",
    ]
    look = GroupLook(title="Tea", slow_mode_s=30, who_may_send="admins")
    assert said[1].note == Note(kind="changed", group=look)
    assert await house.refused("bob", change(group, slow_mode_s=0)) == "forbidden conversation_id"


async def test_in_slow_mode_a_sender_holds_no_members_while_they_wait_for_their_receipt(
    house: House, pg: asyncpg.Connection
) -> None:
    """Who sets preferences has the receipt, and wants the member: neither waits in a circle."""
    group = await slow(house)
    await pg.execute(YESTERDAY, group)
    async with oracle(*house.clients.values()):
        async with pg.transaction():
            await pg.execute(LOCK_RECEIPT, group, house.id("bob"))
            sending = asyncio.create_task(say(house["bob"], group, "the first of the day"))
            await awaited(pg)
            await pg.execute(LOCK_MEMBERS, group)
        await sending


async def test_in_slow_mode_a_member_waits_between_two_messages(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await slow(house)
    async with oracle(*house.clients.values()):
        first = message(group, "one")
        sent = await house["bob"].call(first)
        (refused,) = await send_all(house["bob"], message(group, "too soon"))
        assert 50_000 < told_by(refused) <= 60_000
        assert await house["bob"].call(first) == sent, "a retry is still a retry"
        await say(house["carol"], group, "each of them by themselves")
        await say(house["alice"], group, "an owner")
        await say(house["alice"], group, "as often as they like")
        edit = EditMessage(
            conversation_id=group,
            message_id=first.message_id,
            base_rev=sent.rev,
            op_id=uuid7(),
            content="one, in other words",
        )
        await house["bob"].call(edit)
    async with oracle(house["alice"], house["carol"]):
        await house.remove(group, "bob", by="bob")
        await house.add(group, "bob")
        assert await house.refused("bob", message(group, "back")) == "slow_mode conversation_id"
        await pg.execute(TIME_PASSES)
        await say(house["bob"], group, "two")
        await house["alice"].call(change(group, slow_mode_s=0))
        await say(house["bob"], group, "three")


async def test_of_one_batch_the_first_message_of_a_member_counts(
    house: House, pg: asyncpg.Connection
) -> None:
    group, free = await slow(house), await house.group("bob")
    known = message(group, "known")
    await house["bob"].call(known)
    await pg.execute(TIME_PASSES)
    once = message(group, "once")
    unfit = SendMessage(
        conversation_id=group, message_id=uuid7(), content="answers nothing", reply_to=uuid7()
    )
    mine = [
        known, unfit, once, message(group, "twice"), once, message(free, "a"),
        message(free, "b"), message(group, "thrice"),
    ]  # fmt: skip
    async with oracle(house["bob"], house["carol"]):
        async with held(pg, group, writers=2):
            opener = asyncio.create_task(say(house["alice"], group, "opener"))
            tasks = [
                asyncio.create_task(send_all(house["bob"], *mine)),
                asyncio.create_task(send_all(house["alice"], message(group, "x"))),
            ]
        of_bob, _ = [await task for task in tasks]
        await opener
    assert codes(of_bob) == [
        "sent", "not_found", "sent", "slow_mode", "sent", "sent", "sent", "slow_mode",
    ]  # fmt: skip
    assert of_bob[2] == of_bob[4]
    assert 59_000 < told_by(of_bob[3]) <= 60_000


async def test_slow_mode_holds_for_what_waits_while_it_is_switched_on(
    house: House, pg: asyncpg.Connection
) -> None:
    """bob's messages are under way, on another node, when the change gets the lock first."""
    group = await house.group("bob")
    async with oracle(*house.clients.values()):
        async with held(pg, group, writers=2):
            asked = change(group, slow_mode_s=3600)
            switching = asyncio.create_task(house["alice"].call(asked))
            async with asyncio.timeout(LIMIT_S):
                while not await waiting(pg):
                    await asyncio.sleep(0)
            sending = asyncio.create_task(
                send_all(house["bob"], *(message(group, str(n)) for n in range(3)))
            )
        assert (await switching).seq == 2
        assert codes(await sending) == ["sent", "slow_mode", "slow_mode"]
    assert await house.said("bob", group) == [
        "alice opened the group.", "alice changed slow mode to 3600 s.", "0",
    ]  # fmt: skip


async def test_where_only_admins_send_the_others_read_and_react(house: House) -> None:
    group = await house.group("bob", "carol")
    own = await house["bob"].call(said := message(group, "before"))
    news = await house["alice"].call(post := message(group, "news"))
    name: dict[str, Any] = {"conversation_id": group, "op_id": uuid7()}
    async with oracle(*house.clients.values()):
        await house["alice"].call(change(group, who_may_send="admins"))
        refused = (
            message(group, "after"),
            EditMessage(
                message_id=said.message_id, base_rev=own.rev, content="something else", **name
            ),
            ScheduleMessage(
                conversation_id=group, message_id=uuid7(), content="later", send_at=later()
            ),
        )
        for asked in refused:
            assert await house.refused("bob", asked) == "admins_only conversation_id"
        assert await house["bob"].call(said) == own, "a retry is still a retry"
        react = React(message_id=post.message_id, reaction="grateful", **name)
        assert (await house["bob"].call(react)).seq == news.seq
        await house["bob"].call(
            DeleteMessage(message_id=said.message_id, **name | {"op_id": uuid7()})
        )
        await say(house["alice"], group, "an owner")
        await set_role(house, group, "carol", "admin")
        await say(house["carol"], group, "an admin")
        await set_role(house, group, "carol", "member")
        assert await house.refused("carol", message(group, "x")) == "admins_only conversation_id"
        assert await house.refused("dave", message(group, "x")) == "not_found conversation_id"
        await house["alice"].call(change(group, who_may_send="everyone"))
        await say(house["bob"], group, "all of us")


async def test_nobody_sees_those_typing_who_may_not_send(house: House) -> None:
    group = await house.group("bob", "carol")
    heard = house.overheard("carol")
    await house["alice"].call(change(group, who_may_send="admins"))
    await house["bob"].call(TellTyping(conversation_id=group))
    await house["alice"].call(TellTyping(conversation_id=group))
    await say(house["alice"], group, "done")
    await house.heard_of("carol", "done")
    typing = [news.user_id for news in heard if isinstance(news, MemberTyping)]
    assert typing == [house.id("alice")]


async def test_what_the_rules_refuse_at_its_time_waits(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await slow(house)
    await say(house["bob"], group, "now")
    asked = ScheduleMessage(
        conversation_id=group, message_id=uuid7(), content="later", send_at=later()
    )
    async with oracle(*house.clients.values()):
        await house["bob"].call(asked)
        await pg.execute(DUE)
        async with asyncio.timeout(10):
            while True:
                (left,) = (await house["bob"].call(ListScheduled())).messages
                if left.error:
                    break
                await asyncio.sleep(0.05)
    assert (left.error, left.error_field) == ("slow_mode", "conversation_id")


async def test_direct_conversations_have_no_rules(house: House, pg: asyncpg.Connection) -> None:
    await house.group("bob")
    with pytest.raises(asyncpg.CheckViolationError, match="only_groups_have_rules"):
        await pg.execute(
            "insert into conversations (conversation_id, direct_low, direct_high, slow_mode_s)"
            " select gen_random_uuid(), min(user_id::text)::uuid, max(user_id::text)::uuid, 5"
            " from users"
        )
