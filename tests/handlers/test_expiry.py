"""Messages that end: hidden the moment they expire, then wiped, and every device is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.conversations import ConversationSynced, ListConversations, SyncConversation
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import EventFrame, ReplyFrame
from lumina_protocol.members import AddMembers, CreateGroup
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    Message,
    MessageChanged,
    MessageDeleted,
    ReadHistory,
)
from lumina_protocol.receipts import ReadConversation

from lumina_rt import changes as messages
from lumina_rt.app import Node
from lumina_rt.client import Inbox
from lumina_rt.config import Settings
from tests.gateway.wire import websocket
from tests.handlers.test_beyond_text import companions, field, talking, user_id
from tests.handlers.test_editing import changes
from tests.handlers.test_sending import codes
from tests.house import created, nodes, open_conversation, register, say, user
from tests.locks import awaited
from tests.oracle import oracle

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
PAST = "update messages set expires_at = now() - interval '1 second' where expires_at is not null"
KEPT = """
select content is null and body is null and media_ids = '{}' as empty, is_deleted
from messages where is_ephemeral"""


def later(ms: int) -> int:
    return int(time.time() * 1000) + ms


@asynccontextmanager
async def held(settings: Settings, conversation: UUID) -> AsyncIterator[None]:
    """Somebody changes the conversation meanwhile, so that the worker passes it by."""
    conn = await asyncpg.connect(settings.database_url)
    try:
        async with conn.transaction():
            lock = "select from conversations where conversation_id = $1 for no key update"
            await conn.execute(lock, conversation)
            yield
    finally:
        await conn.close()


async def changed(inbox: Inbox, count: int) -> list[Message]:
    told: list[Message] = []
    async with asyncio.timeout(15):
        while len(told) < count:
            news = await anext(aiter(inbox))
            if isinstance(news, MessageChanged):
                told.append(news.message)
    return told


async def test_what_has_expired_is_hidden_at_once_and_told_when_it_is_wiped(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        conversation, media = talk.conversation_id, [await talk.media("image")]
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            with talk.bob.inbox() as inbox:
                sent = await talk.alice.send(
                    conversation, "secret", message_type="image", media_ids=media,
                    mentions=[user_id(talk.bob)], expires_at=later(HOUR_MS),
                )  # fmt: skip
                await talk.bob.send(conversation, "which?", reply_to=sent.message_id)
                shown, answer = await talk.messages()
                assert answer.reply_to is not None
                assert (shown.content, answer.reply_to.excerpt) == ("secret", "secret")
                async with held(settings, conversation):
                    await pg.execute(PAST)
                    hidden, answer = await talk.messages()
                    assert is_nothing(hidden)
                    assert hidden.rev == 1, "nothing was told yet"
                    assert answer.reply_to is not None
                    assert (answer.reply_to.excerpt, answer.reply_to.is_deleted) == ("", True)
                    asked = SyncConversation(conversation_id=conversation, after_rev=0)
                    page = await talk.alice.call(asked)
                    assert page.messages == [hidden, answer]
                    (state,) = await pg.fetch(KEPT)
                    assert (state["empty"], state["is_deleted"]) == (False, False)
                (told,) = await changed(inbox, 1)
        assert told == (await talk.messages())[0] == hidden.model_copy(update={"rev": 3})
        (state,) = await pg.fetch(KEPT)
        assert (state["empty"], state["is_deleted"]) == (True, True)
        for table in ("media_refs", "message_mentions"):
            assert await pg.fetchval(f"select count(*) from {table}") == 0, table


async def test_the_list_does_not_show_what_has_expired(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        await talk.alice.send(talk.conversation_id, "secret", expires_at=later(HOUR_MS))
        async with held(settings, talk.conversation_id):
            await pg.execute(PAST)
            (listed,) = (await talk.bob.call(ListConversations())).conversations
            assert is_nothing(listed.last_message)


async def test_it_ends_by_itself_and_not_before(settings: Settings, pg: asyncpg.Connection) -> None:
    async with talking(settings, pg) as talk, oracle(talk.alice, talk.alice_too, talk.bob):
        with talk.bob.inbox() as inbox:
            ends = later(1500)
            sent = await talk.alice.send(talk.conversation_id, "secret", expires_at=ends)
            (shown,) = await talk.messages()
            in_time = later(0) < ends
            assert (shown.content, shown.expires_at) == ("secret", ends) or not in_time
            (told,) = await changed(inbox, 1)
        assert later(0) >= ends
        assert is_nothing(told)
        which = {"conversation_id": talk.conversation_id, "message_id": sent.message_id}
        with pytest.raises(LuminaError, match="gone"):
            await talk.alice.call(EditMessage(op_id=uuid7(), base_rev=2, content="x", **which))
        deleted = await talk.alice.call(DeleteMessage(op_id=uuid7(), **which))
        assert deleted == MessageDeleted(message_id=sent.message_id, seq=1, rev=2), "as it is"


async def test_an_edit_that_waited_for_the_conversation_finds_it_expired(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        sent = await talk.alice.send(talk.conversation_id, "secret", expires_at=later(HOUR_MS))
        which = {"conversation_id": talk.conversation_id, "message_id": sent.message_id}
        edit = EditMessage(op_id=uuid7(), base_rev=1, content="still here", **which)
        async with held(settings, talk.conversation_id):
            editing = asyncio.create_task(talk.alice.call(edit))
            waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
            while not await pg.fetchval(waits):
                await asyncio.sleep(0.005)
            await pg.execute(PAST)
        with pytest.raises(LuminaError, match="gone"):
            await editing


async def test_expiry_during_a_resume(settings: Settings, pg: asyncpg.Connection) -> None:
    """What the resume tells is hidden by then, and its end comes once, after the resume."""
    async with talking(settings, pg) as talk:
        conversation = talk.conversation_id
        await talk.alice.send(conversation, "secret", expires_at=later(HOUR_MS))
        await say(talk.alice, conversation, "for ever")
        async with websocket(talk.one) as wire:
            assert talk.bob.token
            await wire.ask("auth", {"token": talk.bob.token, "resume": True})
            async with held(settings, conversation):
                await pg.execute(PAST)
                body = {"epoch": 1, "user_rev": 1, "cursors": [[conversation, 0]]}
                await wire.send(wire.request("resume", body))
                while not isinstance(told := await wire.told(), ReplyFrame):
                    assert isinstance(told, EventFrame)
                    if told.type == "conversation.synced":
                        page = ConversationSynced.model_validate(told.body)
                hidden, other = page.messages
                assert is_nothing(hidden)
                assert (page.to_rev, other.content) == (2, "for ever")
            told = await wire.told()
            assert isinstance(told, EventFrame)
            end = MessageChanged.model_validate(told.body).message
            assert end == hidden.model_copy(update={"rev": 3})


async def test_an_end_is_to_come_and_within_a_year(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        wrong = [
            talk.asked(content="x", expires_at=later(ms)) for ms in (-1, YEAR_MS + 25 * HOUR_MS)
        ]
        wrong.append(talk.asked(content="x", expires_at=2**53 - 1))
        async with oracle(talk.alice, talk.bob):
            results = await companions(talk, talk.alice, *wrong)
        assert codes(results) == ["invalid"] * 3
        assert {field(result) for result in results} == {"expires_at"}
        fine = talk.asked(content="x", expires_at=later(YEAR_MS - 1000))
        first = await talk.alice.call(fine)
        with talk.bob.inbox() as inbox:
            await pg.execute(PAST)
            await changed(inbox, 1)
        assert await talk.alice.call(fine) == first, "a retry of what has ended since"


async def test_the_first_reading_by_somebody_else_starts_the_time(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        conversation = talk.conversation_id
        for client, ends in (
            (talk.alice, 60),
            (talk.bob, 60),
            (talk.alice, None),
            (talk.alice, 60),
        ):
            await client.send(conversation, "x", expires_after_s=ends)
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await read(talk.one, conversation, 4, user_id(talk.mallory))
            await read(talk.one, conversation, 3, user_id(talk.bob))
        first, own, _, unread = await talk.messages()
        assert [m.expires_at for m in (own, unread)] == [None, None]
        assert first.expires_at is not None
        assert abs(first.expires_at - later(60_000)) < 5000
        assert (first.rev, first.edited_at) == (5, None)
        async with oracle(talk.alice, talk.bob):
            await read(talk.two, conversation, 3, user_id(talk.bob))
            assert (await talk.messages())[0] == first, "once"
            await read(talk.two, conversation, 4, user_id(talk.alice))
        first, own, _, unread = await talk.messages()
        assert own.expires_at is not None
        assert unread.expires_at is None, "it is alice's own"
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            with talk.bob.inbox() as inbox:
                await pg.execute(PAST)
                assert {m.seq for m in await changed(inbox, 2)} == {1, 2}


async def test_a_client_that_has_read_starts_the_time(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice.send(talk.conversation_id, "x", expires_after_s=60)
            await talk.bob.call(ReadConversation(conversation_id=talk.conversation_id, seq=1))
        (shown,) = await talk.messages()
        assert shown.expires_at is not None


async def test_who_reads_many_lets_others_in_between(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "BATCH", 1)
    async with talking(settings, pg) as talk:
        where = talk.conversation_id
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            for content in "xyz":
                await talk.alice.send(where, content, expires_after_s=60)
            async with pg.transaction():
                await pg.execute("select from messages where seq = 2 for no key update")
                reads = ReadConversation(conversation_id=where, seq=3)
                reading = asyncio.create_task(talk.bob.call(reads))
                await awaited(pg)
                begun = "select count(*) from messages where expires_at is not null"
                assert await pg.fetchval(begun) == 1
            await reading
        assert all(shown.expires_at is not None for shown in await talk.messages())


async def test_who_could_not_see_it_does_not_start_the_time(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        group = uuid7()
        opened = CreateGroup(conversation_id=group, title="Tea", usernames=["mallory"])
        await talk.alice.call(opened)
        sent = await talk.alice.send(group, "before bob", expires_after_s=60)
        await talk.alice.call(AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7()))
        asked = ReadHistory(conversation_id=group, after_seq=sent.seq - 1, limit=1)
        async with oracle(talk.alice, talk.bob, talk.mallory):
            await read(talk.two, group, sent.seq + 1, user_id(talk.bob))
        assert (await talk.alice.call(asked)).messages[0].expires_at is None
        with talk.bob.inbox() as inbox:
            async with oracle(talk.alice, talk.mallory):
                await read(talk.two, group, sent.seq + 1, user_id(talk.mallory))
                await say(talk.alice, group, "next")
            async with asyncio.timeout(5):
                (event,) = await created(inbox, 1)
        assert (await talk.alice.call(asked)).messages[0].expires_at is not None
        assert event.message.content == "next", "bob hears nothing of what he does not see"


async def test_across_a_block_a_reading_starts_no_time(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        where, whom = talk.conversation_id, user_id(talk.alice)
        reads = ReadConversation(conversation_id=where, seq=1)
        async with oracle(talk.alice, talk.alice_too, talk.bob):
            await talk.alice.send(where, "x", expires_after_s=60)
            await talk.bob.call(BlockUser(user_id=whom, op_id=uuid7()))
            await talk.bob.call(reads)
            await read(talk.one, where, 1, user_id(talk.bob))
            (shown,) = await talk.messages(talk.alice)
            assert (shown.expires_at, shown.rev) == (None, 1)
            await talk.bob.call(UnblockUser(user_id=whom, op_id=uuid7()))
            await talk.bob.call(reads)
            (shown,) = await talk.messages(talk.alice)
            assert shown.expires_at is not None


async def test_who_could_not_see_it_does_not_wait_for_the_conversation(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        opened = CreateGroup(conversation_id=(group := uuid7()), title="Tea", usernames=["mallory"])
        await talk.alice.call(opened)
        sent = await talk.alice.send(group, "before bob", expires_after_s=60)
        await talk.alice.call(AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7()))
        async with held(settings, group):
            await talk.bob.call(ReadConversation(conversation_id=group, seq=sent.seq + 1))


async def test_a_reading_after_a_year_ends_it_at_once(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with talking(settings, pg) as talk:
        await talk.alice.send(talk.conversation_id, "old", expires_after_s=60)
        await pg.execute("update messages set created_at = created_at - interval '2 years'")
        with talk.bob.inbox() as inbox:
            await read(talk.one, talk.conversation_id, 1, user_id(talk.bob))
            assert is_nothing((await changed(inbox, 1))[0])


async def test_two_nodes_wipe_many_once(settings: Settings, pg: asyncpg.Connection) -> None:
    count = messages.BATCH + 50
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            async with oracle(alice, bob):
                ends = later(HOUR_MS)
                await asyncio.gather(
                    *(alice.send(talk, str(i), expires_at=ends) for i in range(count))
                )
                with bob.inbox() as inbox:
                    await pg.execute(PAST)
                    told = await changed(inbox, count)
            assert [m.rev for m in told] == list(range(count + 1, 2 * count + 1))
    assert await changes(pg) == 2 * count


async def read(node: Node, conversation: UUID, upto_seq: int, who: UUID) -> None:
    async with node.services.db.tx() as tx:
        await messages.start_expiry(
            tx, conversation_id=conversation, upto_seq=upto_seq, user_id=who
        )


def is_nothing(message: Message | None) -> bool:
    """A tombstone has nothing of what it was."""
    assert message is not None
    left = message.model_dump(exclude_none=True)
    return (message.is_deleted, message.content) == (True, "") and left.keys() == {
        "conversation_id", "message_id", "seq", "rev", "sender_id", "message_type", "content",
        "created_at", "is_deleted",
    }  # fmt: skip
