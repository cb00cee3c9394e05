"""Settings: the same on all devices, and who may write to somebody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from lumina_protocol.conversations import CreateConversation, MemberTyping, TellTyping
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import DeleteMessage, EditMessage
from lumina_protocol.settings import ChangeSettings, GetSettings, MessagesFrom, UserSettings

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_blocks import refused, until
from tests.handlers.test_sending import codes, held
from tests.house import message, nodes, open_conversation, register, say, send_all, user
from tests.oracle import oracle

USUAL = UserSettings(
    is_private=False,
    profile_visibility="public",
    show_activity_status=True,
    allow_messages_from="everyone",
    email_notifications=True,
    push_notifications=True,
    notification_frequency="instant",
    autoplay_videos=True,
    data_saver_mode=False,
    dark_mode="auto",
    calm_mode=False,
    time_limit_minutes=0,
    hide_metrics=False,
    show_metrics=True,
    invisible=False,
)
OTHERS: dict[str, Any] = {
    "is_private": True,
    "profile_visibility": "friends",
    "show_activity_status": False,
    "allow_messages_from": "no_one",
    "email_notifications": False,
    "push_notifications": False,
    "notification_frequency": "daily",
    "autoplay_videos": False,
    "data_saver_mode": True,
    "dark_mode": "dark",
    "calm_mode": True,
    "time_limit_minutes": 90,
    "hide_metrics": True,
    "show_metrics": False,
}
FOLLOW = """
insert into follows (follower_id, following_id)
select a.user_id, b.user_id from users a, users b where a.username = $1 and b.username = $2"""


@dataclass
class House:
    alice: Client
    alice_too: Client
    bob: Client

    async def allow(self, who: MessagesFrom) -> None:
        await self.alice.call(ChangeSettings(op_id=uuid7(), allow_messages_from=who))


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob")
        homes = [(one, "alice"), (two, "alice"), (two, "bob")]
        yield House(*[await stack.enter_async_context(user(node, name)) for node, name in homes])


async def now(client: Client) -> UserSettings:
    return (await client.call(GetSettings())).settings


def test_each_setting_is_changed_by_the_test_below() -> None:
    others = set(OTHERS) | {"invisible"}  # which presence.set changes
    assert others == set(UserSettings.model_fields)
    assert set(OTHERS) == set(ChangeSettings.model_fields) - {"op_id"}


async def test_what_is_given_is_changed_and_all_devices_are_told(house: House) -> None:
    assert await now(house.alice) == USUAL
    async with oracle(house.alice, house.alice_too, house.bob):
        expected = USUAL
        for name, value in OTHERS.items():
            asked = ChangeSettings(op_id=uuid7(), **{name: value})
            assert (await house.alice.call(asked)).changed, name
            expected = expected.model_copy(update={name: value})
            assert await now(house.alice_too) == expected, name
        back = ChangeSettings(op_id=uuid7(), **USUAL.model_dump(exclude={"invisible"}))
        assert (await house.alice_too.call(back)).changed
        assert await now(house.alice) == USUAL
    assert await now(house.bob) == USUAL


async def test_what_is_so_already_is_no_change_and_a_retry_changes_nothing(
    house: House, pg: asyncpg.Connection
) -> None:
    first = ChangeSettings(op_id=uuid7(), dark_mode="dark")
    assert (await house.alice.call(first)).changed
    assert not (await house.alice.call(ChangeSettings(op_id=uuid7(), dark_mode="dark"))).changed
    assert not (await house.alice.call(ChangeSettings(op_id=uuid7()))).changed
    assert (await house.alice.call(ChangeSettings(op_id=uuid7(), dark_mode="light"))).changed
    assert (await house.alice_too.call(first)).changed
    assert (await now(house.alice)).dark_mode == "light"
    told = "select count(*) from user_events where event_type = 'settings.changed'"
    assert await pg.fetchval(told) == 2
    other = first.model_copy(update={"dark_mode": "auto"})
    assert await refused(house.alice, other) == "conflict op_id"


@pytest.mark.parametrize(
    ("allowed", "alice_follows", "bob_follows", "taken"),
    [
        ("everyone", False, False, True),
        ("following", False, False, False),
        ("following", False, True, False),
        ("following", True, False, True),
        ("no_one", True, True, False),
    ],
)
async def test_whose_messages_are_accepted(
    house: House,
    pg: asyncpg.Connection,
    allowed: MessagesFrom,
    alice_follows: bool,
    bob_follows: bool,
    taken: bool,
) -> None:
    if alice_follows:
        await pg.execute(FOLLOW, "alice", "bob")
    if bob_follows:
        await pg.execute(FOLLOW, "bob", "alice")
    await house.allow(allowed)
    create = CreateConversation(conversation_id=uuid7(), username="alice")
    if taken:
        talk = (await house.bob.call(create)).conversation.conversation_id
        await say(house.bob, talk, "hello")
        return
    assert await refused(house.bob, create) == "not_accepted username"
    await house.allow("everyone")
    talk = await open_conversation(house.bob, "alice")
    await say(house.bob, talk, "while it was so")
    await house.allow(allowed)
    async with oracle(house.alice, house.bob):
        assert await refused(house.bob, message(talk, "more")) == "not_accepted conversation_id"
    assert await open_conversation(house.bob, "alice") == talk
    assert await pg.fetchval("select count(*) from messages") == 1


async def test_what_is_refused_is_neither_seen_nor_edited_into_what_was_said_before(
    house: House,
) -> None:
    talk = await open_conversation(house.bob, "alice")
    said = await say(house.bob, talk, "hello")
    await house.allow("no_one")
    name = {"conversation_id": talk, "message_id": said.message_id}
    edit = EditMessage(**name, op_id=uuid7(), base_rev=said.rev, content="hello?")
    async with oracle(house.alice, house.bob):
        with house.alice.inbox() as inbox:
            assert await refused(house.bob, edit) == "not_accepted conversation_id"
            await house.bob.call(TellTyping(conversation_id=talk))
            await house.bob.call(DeleteMessage(**name, op_id=uuid7()))
            await say(house.alice, talk, "I call you")
            heard = await until(inbox, "I call you")
    assert [news for news in heard if isinstance(news, MemberTyping)] == []


@pytest.mark.parametrize("receiver", ["alice", "bob"])
async def test_a_conversation_in_which_one_has_written_stays_open(
    house: House, receiver: str
) -> None:
    """Whichever of the two comes first in its row."""
    one, other = (house.alice, house.bob) if receiver == "alice" else (house.bob, house.alice)
    await one.call(ChangeSettings(op_id=uuid7(), allow_messages_from="no_one"))
    talk = await open_conversation(one, "bob" if receiver == "alice" else "alice")
    assert await refused(other, message(talk, "hello")) == "not_accepted conversation_id"
    await say(one, talk, "hello")
    async with oracle(one, other):
        await say(other, talk, "hello")
        with one.inbox() as inbox:
            await other.call(TellTyping(conversation_id=talk))
            await say(other, talk, "and more")
            heard = await until(inbox, "and more")
    assert [type(news) for news in heard if isinstance(news, MemberTyping)] == [MemberTyping]


async def test_of_a_batch_only_what_is_not_accepted_is_refused(
    house: House, pg: asyncpg.Connection
) -> None:
    """And a retry of what was sent before is still answered."""
    talk = await open_conversation(house.bob, "alice")
    first = message(talk, "first")
    sent = await house.bob.call(first)
    await house.allow("no_one")
    async with oracle(house.alice, house.bob):
        async with held(pg, talk):
            mixed = [message(talk, "x"), first, message(talk, "y")]
            sending = asyncio.create_task(send_all(house.bob, *mixed))
        results = await sending
        assert codes(results) == ["not_accepted", "sent", "not_accepted"]
        assert results[1] == sent
        assert codes(await send_all(house.alice, message(talk, "a"))) == ["sent"]
        assert codes(await send_all(house.bob, message(talk, "z"))) == ["sent"]


async def test_an_older_conversation_counts_as_answered(
    house: House, pg: asyncpg.Connection
) -> None:
    talk = await open_conversation(house.bob, "alice")
    await pg.execute("update conversations set low_wrote = null, high_wrote = null")
    await house.allow("no_one")
    await say(house.bob, talk, "hello")
