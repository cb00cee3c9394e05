"""Messages to come: on all devices of who schedules them, sent at their time exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup, RemoveMember
from lumina_protocol.messages import Message, ReadHistory
from lumina_protocol.scheduled import (
    MAX_WAITING,
    ListScheduled,
    RescheduleMessage,
    ScheduledMessage,
    ScheduleMessage,
    UnscheduleMessage,
)

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_beyond_text import Talk, talking, user_id
from tests.handlers.test_blocks import refused
from tests.house import created, say, user
from tests.oracle import oracle

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
DUE = "update scheduled_messages set send_at = now() - interval '1 second'"
KEPT = "select message_id, sent_at is not null as sent, body::text from scheduled_messages"


@pytest.fixture
async def talk(settings: Settings, pg: Any) -> AsyncIterator[Talk]:
    async with talking(settings, pg) as talk:
        yield talk


def later(ms: int = HOUR_MS) -> int:
    return int(time.time() * 1000) + ms


def asked(talk: Talk, **beyond: Any) -> ScheduleMessage:
    known = {"conversation_id": talk.conversation_id, "message_id": uuid7(), "send_at": later()}
    return ScheduleMessage.model_validate(known | {"content": "later"} | beyond)


def moved(message_id: UUID, **changes: Any) -> RescheduleMessage:
    known = {"message_id": message_id, "op_id": uuid7()}
    return RescheduleMessage.model_validate(known | changes)


def taken_back(message_id: UUID) -> UnscheduleMessage:
    return UnscheduleMessage(message_id=message_id, op_id=uuid7())


async def waiting(client: Client, **asked: Any) -> list[ScheduledMessage]:
    return (await client.call(ListScheduled(**asked))).messages


async def refusal(client: Client, count: int = 1) -> list[ScheduledMessage]:
    """Those that were refused, when they are so many."""
    async with asyncio.timeout(10):
        while len(found := [one for one in await waiting(client) if one.error]) < count:
            await asyncio.sleep(0.05)
    return found


async def sent(talk: Talk, count: int = 1) -> list[Message]:
    """The messages that Bob gets from now on, when what waits is due."""
    with talk.bob.inbox() as inbox:
        await talk.pg.execute(DUE)
        async with asyncio.timeout(10):
            return [event.message for event in await created(inbox, count)]


async def test_it_waits_on_all_devices_and_is_sent_at_its_time_with_all_that_it_has(
    talk: Talk,
) -> None:
    first = (await say(talk.bob, talk.conversation_id, "when?")).message_id
    bob, media = user_id(talk.bob), await talk.media("image")
    more = {"reply_to": first, "mentions": [bob], "media_ids": [media], "message_type": "image"}
    asking = asked(talk, **more, expires_at=later(2 * HOUR_MS))
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        reply = await talk.alice.call(asking)
        (found,) = await waiting(talk.alice_too)
        said = asking.model_dump(exclude_none=True)
        assert found.model_dump(exclude_none=True) == {**said, "created_at": found.created_at}
        assert (reply.message_id, reply.send_at) == (asking.message_id, asking.send_at)
        assert await waiting(talk.bob) == []
        assert len(await talk.messages()) == 1
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        (message,) = await sent(talk)
        assert (message.message_id, message.sender_id) == (asking.message_id, user_id(talk.alice))
        assert message.reply_to
        assert message.reply_to.message_id == first
        assert (message.content, message.mentions) == ("later", [bob])
        assert message.attachments
        assert message.expires_at == asking.expires_at
        assert await waiting(talk.alice) == []
    (kept,) = await talk.pg.fetch(KEPT)
    assert (kept["sent"], kept["body"]) == (True, "{}"), "the words are in the conversation only"


async def test_those_that_are_due_are_sent_in_their_order_and_the_rest_waits(talk: Talk) -> None:
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        for number in (2, 0, 1):
            asking = asked(talk, content=str(number), send_at=later(HOUR_MS + number * 1000))
            await talk.alice.call(asking)
        assert [one.content for one in await waiting(talk.alice_too)] == ["0", "1", "2"]
        last = (await waiting(talk.alice))[-1]
        page = await talk.alice.call(ListScheduled(limit=2))
        assert ([one.content for one in page.messages], page.more) == (["0", "1"], True)
        after = (page.messages[-1].send_at, page.messages[-1].message_id)
        assert await waiting(talk.alice, after=after) == [last]
        assert await waiting(talk.alice, conversation_id=talk.elsewhere) == []
        due = "update scheduled_messages set send_at = send_at - interval '2 hours' where "
        with talk.bob.inbox() as inbox:
            await talk.pg.execute(due + "body ->> 'content' < '2'")
            heard = [event.message.content for event in await created(inbox, 2)]
        assert heard == ["0", "1"]
        assert await waiting(talk.alice) == [last]


async def test_a_retry_is_answered_as_the_first_try_also_after_it_was_taken_back(
    talk: Talk,
) -> None:
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        asking = asked(talk)
        first = await talk.alice.call(asking)
        assert await talk.alice_too.call(asking) == first
        assert len(await waiting(talk.alice)) == 1
        back = taken_back(asking.message_id)
        assert (await talk.alice_too.call(back)).message_id == asking.message_id
        assert await talk.alice.call(back) == await talk.alice.call(back)
        assert await talk.alice.call(asking) == first
        assert await waiting(talk.alice) == [], "a late retry does not bring it back"
        other = asking.model_copy(update={"content": "other words"})
        assert await refused(talk.alice, other) == "conflict message_id"
        again = taken_back(asking.message_id)
        assert await refused(talk.alice, again) == "not_found message_id"


async def test_another_time_and_other_words(talk: Talk) -> None:
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        asking = asked(talk)
        await talk.alice.call(asking)
        assert (await talk.alice_too.call(moved(asking.message_id, content="better"))).changed
        assert not (await talk.alice.call(moved(asking.message_id, content="better"))).changed
        assert not (await talk.alice.call(moved(asking.message_id))).changed
        at = later(3 * HOUR_MS)
        assert (await talk.alice.call(moved(asking.message_id, send_at=at))).changed
        (found,) = await waiting(talk.alice_too)
        assert (found.content, found.send_at) == ("better", at)
        for wrong in ({"content": ""}, {"send_at": 1}, {"send_at": later(YEAR_MS + HOUR_MS)}):
            (field,) = wrong
            change = moved(asking.message_id, **wrong)
            assert await refused(talk.alice, change) == f"invalid {field}"
        mine = moved(asking.message_id, content="mine")
        assert await refused(talk.bob, mine) == "not_found message_id"
        assert await refused(talk.bob, taken_back(asking.message_id)) == "not_found message_id"
        assert [message.content for message in await sent(talk)] == ["better"]
        gone = moved(asking.message_id, content="too late")
        assert await refused(talk.alice, gone) == "not_found message_id"
        assert await refused(talk.alice, taken_back(asking.message_id)) == "not_found message_id"


async def test_what_is_refused_at_its_time_waits_for_another(talk: Talk) -> None:
    names = {"user_id": user_id(talk.alice)}
    asking = asked(talk)
    await talk.alice.call(asking)
    await talk.bob.call(BlockUser(op_id=uuid7(), **names))
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        await talk.pg.execute(DUE)
        (found,) = await refusal(talk.alice)
        assert (found.error, found.error_field, found.content) == ("blocked", None, "later")
        assert (await talk.alice.call(moved(asking.message_id, content="sorry"))).changed
        (found,) = await waiting(talk.alice_too)
        assert found.error == "blocked", "only another time is another try"
        await talk.bob.call(UnblockUser(op_id=uuid7(), **names))
        assert (await talk.alice.call(moved(asking.message_id, send_at=later()))).changed
        (found,) = await waiting(talk.alice_too)
        assert found.error is None
        assert [message.content for message in await sent(talk)] == ["sorry"]


async def test_who_was_sent_away_meanwhile_does_not_send_it(talk: Talk) -> None:
    group = uuid7()
    asking = CreateGroup(conversation_id=group, title="Tea", usernames=["alice"])
    await talk.bob.call(asking)
    await talk.alice.call(asked(talk, conversation_id=group))
    remove = RemoveMember(conversation_id=group, user_id=user_id(talk.alice), op_id=uuid7())
    await talk.bob.call(remove)
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        await talk.pg.execute(DUE)
        (found,) = await refusal(talk.alice)
        assert (found.error, found.error_field) == ("not_found", "conversation_id")
    page = await talk.bob.call(ReadHistory(conversation_id=group))
    assert [message.message_type for message in page.messages] == ["system", "system"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ("is_active = false", "deactivated"),
        ("suspended_at = now(), suspended_until = now() + interval '1 day'", "suspended"),
        ("is_active = false, deleted_at = now()", "account_deleted"),
    ],
)
async def test_nothing_is_sent_for_who_is_kept_out(talk: Talk, changes: str, error: str) -> None:
    await talk.alice.call(asked(talk))
    reason = ", suspended_reason = 'spam'" if error == "suspended" else ""
    await talk.pg.execute(f"update users set {changes}{reason} where username = 'alice'")
    async with oracle(talk.alice, talk.bob):
        await talk.pg.execute(DUE)
        (found,) = await refusal(talk.alice)
        assert found.error == error
        assert await talk.messages() == []


async def test_what_would_be_refused_now_is_refused_now(talk: Talk) -> None:
    used = (await say(talk.alice, talk.conversation_id, "here already")).message_id
    waits = asked(talk)
    await talk.mallory.call(
        asked(talk, conversation_id=talk.elsewhere, message_id=(his := uuid7()))
    )
    async with oracle(talk.alice, talk.alice_too, talk.bob):
        await talk.alice.call(waits)
        nobodys = uuid7()
        for beyond, error in (
            ({"conversation_id": nobodys}, "not_found conversation_id"),
            ({"reply_to": nobodys}, "not_found reply_to"),
            ({"message_type": "image", "media_ids": [nobodys]}, "not_found media_ids"),
            ({"message_id": used}, "conflict message_id"),
            ({"message_id": his}, "conflict message_id"),
            ({"message_id": UUID("01890a5d-ac96-774b-8bce-b302099a8057")}, "too_old message_id"),
            ({"send_at": later(-1000)}, "invalid send_at"),
            ({"send_at": later(YEAR_MS + HOUR_MS)}, "invalid send_at"),
        ):
            assert await refused(talk.alice, asked(talk, **beyond)) == error
        begin = asked(talk)
        end = begin.model_copy(update={"expires_at": begin.send_at})
        assert await refused(talk.alice, end) == "invalid send_at"
        assert await refused(talk.alice, asked(talk).model_copy(update={"content": ""})) == (
            "invalid content"
        )
        assert await refused(talk.mallory, asked(talk)) == "not_found conversation_id"
        assert [one.message_id for one in await waiting(talk.alice)] == [waits.message_id]
    await talk.bob.call(BlockUser(op_id=uuid7(), user_id=user_id(talk.alice)))
    assert await refused(talk.alice, asked(talk)) == "blocked"


async def test_so_many_wait_and_no_more(talk: Talk) -> None:
    requests = [asked(talk, content=str(n)) for n in range(MAX_WAITING + 4)]
    halves = ((talk.alice, requests[::2]), (talk.alice_too, requests[1::2]))
    calls = [client.call(request) for client, half in halves for request in half]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, Exception) for result in results) == 4
    page = await talk.alice.call(ListScheduled())
    assert page.more
    last = page.messages[-1]
    rest = await waiting(talk.alice, after=(last.send_at, last.message_id))
    assert len({one.message_id for one in page.messages + rest}) == MAX_WAITING
    await talk.alice.call(taken_back(last.message_id))
    await talk.alice.call(asked(talk))


async def test_it_is_sent_or_taken_back_and_never_both(talk: Talk) -> None:
    for number in range(6):
        asking = asked(talk, content=f"{number}")
        await talk.alice.call(asking)
        await talk.pg.execute(DUE)
        await asyncio.sleep(0.15 * number)  # somewhere in the second of the worker
        (result,) = await asyncio.gather(
            talk.alice.call(taken_back(asking.message_id)), return_exceptions=True
        )
        ids = {message.message_id for message in await talk.messages()}
        assert (asking.message_id in ids) == isinstance(result, Exception)
    assert await waiting(talk.alice) == []


async def test_who_is_away_is_told_when_they_are_back(talk: Talk) -> None:
    async with oracle(talk.alice, talk.alice_too):
        with talk.alice_too.inbox() as inbox:
            cut(talk.two)
            asking = asked(talk, send_at=later())
            await talk.alice.call(asking)
            await talk.alice.call(moved(asking.message_id, content="while away"))
            await connected_again(inbox)
    async with user(talk.two, "alice") as fresh:
        assert [one.content for one in await waiting(fresh)] == ["while away"]
