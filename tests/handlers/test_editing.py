"""One's own messages are edited and deleted once; nothing is overwritten unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ListConversations
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Change
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    ListEdits,
    Message,
    MessageChanged,
    MessageDeleted,
    MessageEdited,
    ReadHistory,
    SendMessage,
)

from lumina_rt.client import Client, follow
from lumina_rt.config import Settings
from tests.handlers.test_sending import BLOCK, held
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.oracle import oracle

LOCK = "select from conversations where conversation_id = $1 for update"
DAY_MS = 86_400_000
TEXT_COLUMNS = """
select attrelid::regclass::text as table, attname as column from pg_attribute
where attrelid in ('messages'::regclass, 'message_edits'::regclass) and attnum > 0
  and not attisdropped and atttypid::regtype::text in ('text', 'jsonb', 'character varying')"""


@dataclass
class Talk:
    """Alice on two nodes, and Bob on the second; the conversation has one message of Alice."""

    alice: Client
    alice_too: Client
    bob: Client
    conversation_id: UUID
    sending: SendMessage

    def edit(self, content: str, base_rev: int = 1, op_id: UUID | None = None) -> EditMessage:
        return EditMessage(
            conversation_id=self.conversation_id,
            message_id=self.sending.message_id,
            op_id=op_id or uuid7(),
            base_rev=base_rev,
            content=content,
        )

    def delete(self) -> DeleteMessage:
        return DeleteMessage(
            conversation_id=self.conversation_id,
            message_id=self.sending.message_id,
            op_id=uuid7(),
        )

    async def messages(self) -> list[Message]:
        asked = ReadHistory(conversation_id=self.conversation_id)
        return (await self.bob.call(asked)).messages


@asynccontextmanager
async def talking(settings: Settings, content: str = "helo") -> AsyncIterator[Talk]:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "mallory")
        async with (
            user(one, "alice") as alice,
            user(two, "alice") as alice_too,
            user(two, "bob") as bob,
        ):
            conversation = await open_conversation(alice, "bob")
            sending = SendMessage(conversation_id=conversation, message_id=uuid7(), content=content)
            await alice.call(sending)
            yield Talk(alice, alice_too, bob, conversation, sending)


def made(age_ms: int) -> UUID:
    """A UUIDv7 of so long ago."""
    id_ = uuid7()
    millis = int.from_bytes(id_.bytes[:6], "big") - age_ms
    return UUID(bytes=millis.to_bytes(6, "big") + id_.bytes[6:])


async def changes(pg: asyncpg.Connection) -> int:
    """How many revs the conversation has, each of them told by the outbox once."""
    last_rev: int = await pg.fetchval("select last_rev from conversations")
    told = "select from_rev, to_rev from outbox where from_rev > 0 order by from_rev"
    revs = [rev for row in await pg.fetch(told) for rev in range(row[0], row[1] + 1)]
    assert revs == list(range(1, last_rev + 1))
    return last_rev


async def test_an_edit_reaches_everybody_and_every_view_shows_it(settings: Settings) -> None:
    async with talking(settings) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            edited = await talk.alice.call(talk.edit("hello"))
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await say(talk.bob, talk.conversation_id, "hi")
        first, answer = await talk.messages()
        assert (edited.seq, edited.rev, answer.rev) == (1, 2, 3)
        assert (first.content, first.rev, first.edited_at) == ("hello", 2, edited.edited_at)
        assert first.created_at <= edited.edited_at
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice_too.call(talk.edit("hello!", base_rev=2))
        places: list[dict[str, Any]] = [{"before_seq": 2}, {"after_seq": 0}]
        for where in places:
            asked = ReadHistory(conversation_id=talk.conversation_id, limit=1, **where)
            page = await talk.alice.call(asked)
            assert [(m.content, m.rev) for m in page.messages] == [("hello!", 4)]


async def test_an_edit_does_not_move_the_conversation_in_the_list(settings: Settings) -> None:
    async with talking(settings) as talk:
        (before,) = (await talk.bob.call(ListConversations())).conversations
        await talk.alice.call(talk.edit("hello"))
        (after,) = (await talk.bob.call(ListConversations())).conversations
        assert after.last_message is not None
        assert (after.last_message.content, after.last_rev) == ("hello", 2)
        assert (after.updated_at, after.last_seq) == (before.updated_at, 1)


async def test_a_retry_of_an_edit_gets_the_first_answer(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello")
        async with oracle(talk.alice, talk.bob):
            first = await talk.alice.call(request)
            assert await talk.alice_too.call(request) == first
            await talk.alice.call(talk.edit("hello again", base_rev=2))
            assert await talk.alice.call(request) == first, "also when it was edited since"
        assert (await talk.messages())[0].content == "hello again"
    assert await changes(pg) == 3


async def test_retries_at_once_on_two_nodes_are_one_change(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello")
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            async with held(pg, talk.conversation_id, writers=2):
                tasks = [
                    asyncio.create_task(client.call(request))
                    for client in (talk.alice, talk.alice_too)
                ]
            results = [await task for task in tasks]
    assert results[0] == results[1]
    assert await changes(pg) == 2
    assert await pg.fetchval("select count(*) from op_keys") == 1


async def test_an_op_id_is_for_one_request(settings: Settings, pg: asyncpg.Connection) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello")
        other = request.model_copy(update={"content": "goodbye"})
        delete = talk.delete().model_copy(update={"op_id": request.op_id})
        async with oracle(talk.alice, talk.bob):
            await talk.alice.call(request)
            reused: list[Change[Any]] = [
                other,
                delete,
                request.model_copy(update={"base_rev": 2}),
            ]
            for wrong in reused:
                with pytest.raises(LuminaError, match="conflict") as refused:
                    await talk.alice_too.call(wrong)
                assert refused.value.body.field == "op_id"
        async with oracle(talk.alice, talk.bob):
            own = await say(talk.bob, talk.conversation_id, "mine")
            of_bob = request.model_copy(update={"message_id": own.message_id, "base_rev": own.rev})
            assert (await talk.bob.call(of_bob)).rev == 4, "keys are each user's own"
    assert await changes(pg) == 4


@pytest.mark.parametrize(
    ("age_ms", "code"),
    [
        (31 * DAY_MS, "too_old"),
        (29 * DAY_MS, None),
        (-4 * 60_000, None),
        (-6 * 60_000, "id_time"),
    ],
)
async def test_the_time_of_an_op_id(
    settings: Settings, pg: asyncpg.Connection, age_ms: int, code: str | None
) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello", op_id=made(age_ms))
        async with oracle(talk.alice, talk.bob):
            if code is None:
                first = await talk.alice.call(request)
                assert await talk.alice.call(request) == first
            else:
                for _ in range(2):
                    with pytest.raises(LuminaError, match=code) as refused:
                        await talk.alice.call(request)
                    assert refused.value.body.field == "op_id"
    assert await changes(pg) == (1 if code else 2)


async def test_an_old_op_id_is_too_old_whether_it_is_known_or_not(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello")
        await talk.alice.call(request)
        old = made(31 * DAY_MS)
        await pg.execute("update op_keys set op_id = $1", old)
        with pytest.raises(LuminaError, match="too_old"):
            await talk.alice.call(request.model_copy(update={"op_id": old}))


async def test_of_two_devices_that_edit_at_once_one_wins(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            async with held(pg, talk.conversation_id, writers=2):
                tasks = [
                    asyncio.create_task(client.call(talk.edit(content)))
                    for client, content in ((talk.alice, "one"), (talk.alice_too, "two"))
                ]
            results = await asyncio.gather(*tasks, return_exceptions=True)
        lost = [r for r in results if isinstance(r, LuminaError)]
        assert [(r.body.code, r.body.field) for r in lost] == [("stale", "base_rev")]
        winner = "two" if isinstance(results[0], LuminaError) else "one"
        assert (await talk.messages())[0].content == winner
        with pytest.raises(LuminaError, match="stale"):
            await talk.alice.call(talk.edit("from the future", base_rev=3))
    assert await changes(pg) == 2


async def test_who_waits_too_long_is_told_to_try_again_and_has_changed_nothing(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings.model_copy(update={"lock_timeout_ms": 100})) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob), pg.transaction():
            await pg.execute(LOCK, talk.conversation_id)
            with pytest.raises(LuminaError, match="unavailable") as refused:
                await talk.alice.call(request := talk.edit("in vain"))
            assert refused.value.body.temporary
            assert refused.value.body.retry_after_ms
        assert [message.rev for message in await talk.messages()] == [1]
        await talk.alice.call(request)
        assert [message.content for message in await talk.messages()] == ["in vain"]


async def test_what_was_refused_is_looked_at_again(settings: Settings) -> None:
    async with talking(settings) as talk:
        request = talk.edit("hello", base_rev=2)
        with pytest.raises(LuminaError, match="stale"):
            await talk.alice.call(request)
        await talk.alice.call(talk.edit("hallo"))
        assert (await talk.alice.call(request)).rev == 3


async def test_a_deleted_message_is_a_tombstone_that_cannot_be_changed(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice.call(talk.edit("hello"))
            deleted = await talk.alice.call(talk.delete())
            for base_rev in (2, 3):
                with pytest.raises(LuminaError, match="gone"):
                    await talk.alice.call(talk.edit("back", base_rev))
            assert await talk.alice_too.call(talk.delete()) == deleted, "it is as was asked for"
        assert deleted == MessageDeleted(message_id=talk.sending.message_id, seq=1, rev=3)
        (tombstone,) = await talk.messages()
        assert (tombstone.content, tombstone.is_deleted) == ("", True)
        assert (tombstone.seq, tombstone.rev, tombstone.edited_at) == (1, 3, None)
        assert (await say(talk.alice, talk.conversation_id, "next")).seq == 2
    assert await changes(pg) == 4


async def test_a_retry_of_a_deletion_gets_the_first_answer(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        request = talk.delete()
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            async with held(pg, talk.conversation_id, writers=2):
                tasks = [
                    asyncio.create_task(client.call(request))
                    for client in (talk.alice, talk.alice_too)
                ]
            first, second = [await task for task in tasks]
            assert first == second == await talk.alice.call(request)
    assert await changes(pg) == 2


async def test_of_a_deleted_message_no_text_is_left(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    secrets = [f"secret {n}" for n in range(3)]
    columns = await pg.fetch(TEXT_COLUMNS)
    assert {"content", "body"} <= {row["column"] for row in columns}

    async def left() -> set[str]:
        found: set[str] = set()
        for table, column in columns:
            rows = await pg.fetch(f"select {column}::text as said from {table}")
            found |= {row["said"] for row in rows if row["said"]}
        results = await pg.fetch("select result::text from op_keys")
        return {s for s in secrets if s in str(found) or s in str(results)}

    async with talking(settings, secrets[0]) as talk:
        for number, content in enumerate(secrets[1:], 1):
            await talk.alice.call(talk.edit(content, base_rev=number))
        assert await left() == set(secrets)
        await talk.alice.call(talk.delete())
        assert await left() == set()


async def test_what_a_message_said_before_is_kept_by_its_rev(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        await talk.alice.call(talk.edit("hello"))
        await say(talk.bob, talk.conversation_id, "hi")
        await talk.alice.call(talk.edit("hello!", base_rev=2))
    kept = await pg.fetch("select seq, rev, content from message_edits order by rev")
    assert [tuple(row) for row in kept] == [(1, 1, "helo"), (1, 2, "hello")]


async def test_what_it_said_before_is_shown_to_who_sees_it_until_it_is_deleted(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk, user_beside(talk, "mallory") as mallory:
        name: dict[str, Any] = talk.delete().model_dump(include={"conversation_id", "message_id"})
        asked = ListEdits(**name)
        assert (await talk.bob.call(asked)).edits == []
        for rev, content in enumerate(("hello", "hello!", "hello?"), 1):
            edited = await talk.alice.call(talk.edit(content, base_rev=rev))
        page = await talk.bob.call(asked)
        said = [(one.content, one.rev) for one in page.edits]
        assert (said, page.more) == ([("hello!", 3), ("hello", 2), ("helo", 1)], False)
        assert abs(page.edits[0].replaced_at - edited.edited_at) < 1000
        short = await talk.bob.call(ListEdits(**name, before_rev=3, limit=1))
        assert ([one.rev for one in short.edits], short.more) == ([2], True)
        await talk.alice.call(talk.delete())
        for client, code in ((talk.bob, "gone"), (talk.alice, "gone"), (mallory, "not_found")):
            with pytest.raises(LuminaError, match=code):
                await client.call(asked)


async def test_nobody_else_can_change_a_message(settings: Settings, pg: asyncpg.Connection) -> None:
    async with talking(settings) as talk, user_beside(talk, "mallory") as mallory:
        nowhere = {"message_id": uuid7()}
        wanted: list[Change[Any]] = [talk.edit("mine now"), talk.delete()]
        for request in wanted:
            async with oracle(talk.alice, talk.bob, mallory):
                for client, asked, code, field in (
                    (talk.bob, request, "forbidden", "message_id"),
                    (mallory, request, "not_found", "conversation_id"),
                    (mallory, request.model_copy(update=nowhere), "not_found", "conversation_id"),
                    (talk.alice, request.model_copy(update=nowhere), "not_found", "message_id"),
                ):
                    with pytest.raises(LuminaError, match=code) as refused:
                        await client.call(asked)
                    assert refused.value.body.field == field
    assert await changes(pg) == 1
    assert await pg.fetchval("select count(*) from op_keys") == 0


def user_beside(talk: Talk, username: str) -> Client:
    return Client(talk.bob.url, username=username, password=PASSWORD)


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_a_block_does_not_hinder_taking_back_what_one_has_said(
    settings: Settings, pg: asyncpg.Connection, blocker: str
) -> None:
    async with talking(settings) as talk:
        await pg.execute(BLOCK, blocker, "bob" if blocker == "alice" else "alice")
        async with oracle(talk.alice, talk.bob):
            with pytest.raises(LuminaError, match="blocked"):
                await say(talk.alice, talk.conversation_id, "more")
            with pytest.raises(LuminaError, match="blocked"):
                await talk.alice.call(talk.edit("hello"))
            assert (await talk.alice.call(talk.delete())).rev == 2


async def test_a_retry_of_a_send_gets_its_first_answer_whatever_became_of_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings) as talk:
        first = await talk.alice.call(talk.sending)
        async with oracle(talk.alice, talk.bob):
            await talk.alice.call(talk.edit("hello"))
            assert await talk.alice_too.call(talk.sending) == first
            await talk.alice.call(talk.delete())
            assert await talk.alice_too.call(talk.sending) == first
        other = talk.sending.model_copy(update={"content": "hello"})
        with pytest.raises(LuminaError, match="conflict"):
            await talk.alice.call(other)
        assert first.rev == 1
        assert [m.is_deleted for m in await talk.messages()] == [True]
    assert await changes(pg) == 3


async def test_who_follows_a_conversation_is_not_disturbed_by_changes(settings: Settings) -> None:
    async with talking(settings) as talk:
        following = follow(talk.bob, talk.conversation_id)
        assert (await anext(following)).content == "helo"
        with talk.bob.inbox() as inbox:
            edited = await talk.alice.call(talk.edit("hello"))
            told = [news async for news in first_changes(inbox, 1)]
        assert MessageEdited.model_validate(told[0].message.model_dump()) == edited
        await say(talk.alice, talk.conversation_id, "next")
        assert (await anext(following)).content == "next"
        await following.aclose()


async def first_changes(inbox: AsyncIterator[object], count: int) -> AsyncIterator[MessageChanged]:
    async for news in inbox:
        if isinstance(news, MessageChanged):
            yield news
            count -= 1
        if not count:
            return
