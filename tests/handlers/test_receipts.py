"""Receipts: how far members have got and read, who is told, and what is unread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.bans import BanMember
from lumina_protocol.blocks import BlockUser, UnblockUser
from lumina_protocol.conversations import Conversation, ConversationLeft, ListConversations
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import DeleteMessage, Message, ReadHistory
from lumina_protocol.receipts import (
    ConfirmDelivery,
    CountUnread,
    ReadConversation,
    ReadKept,
    ReadTo,
    ReceiptsTold,
    UnreadCounts,
)

from lumina_rt.client import Client, Inbox, News
from lumina_rt.config import Settings
from lumina_rt.handlers import receipts
from tests.handlers.test_blocks import refused, until
from tests.house import PASSWORD, nodes, open_conversation, register, say, user
from tests.oracle import oracle

NAMES = ("alice", "bob", "carol")


@dataclass
class House:
    """alice with two devices, on either node; bob on the second, carol on the first."""

    alice: Client
    alice_too: Client
    bob: Client
    carol: Client


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, *NAMES)
        homes = [(one, "alice"), (two, "alice"), (two, "bob"), (one, "carol")]
        clients = [await stack.enter_async_context(user(node, name)) for node, name in homes]
        yield House(*clients)


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def read(client: Client, conversation_id: UUID, seq: int) -> ReadKept:
    return await client.call(ReadConversation(conversation_id=conversation_id, seq=seq))


async def got(client: Client, conversation_id: UUID, seq: int) -> int:
    asked = ConfirmDelivery(conversation_id=conversation_id, seq=seq)
    return (await client.call(asked)).delivered_seq


async def listed(client: Client, conversation_id: UUID) -> Conversation:
    page = await client.call(ListConversations(limit=40))
    (found,) = [c for c in page.conversations if c.conversation_id == conversation_id]
    return found


async def shown(client: Client, conversation_id: UUID, of: Client) -> tuple[int, int]:
    """How far somebody has got and read, as another sees it."""
    members = (await listed(client, conversation_id)).members
    (member,) = [member for member in members if member.user_id == id_of(of)]
    return member.delivered_seq, member.read_seq


async def counts(client: Client) -> UnreadCounts:
    return await client.call(CountUnread())


async def open_group(client: Client, *usernames: str) -> UUID:
    asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=list(usernames))
    return (await client.call(asked)).conversation.conversation_id


async def heard(inbox: Inbox, client: Client, conversation_id: UUID) -> list[News]:
    """What came before a message that is sent now."""
    await say(client, conversation_id, "that is all")
    return await until(inbox, "that is all")


def receipts_in(news: list[News]) -> list[tuple[UUID, int, int]]:
    told = [one for event in news if isinstance(event, ReceiptsTold) for one in event.receipts]
    return [(one.user_id, one.delivered_seq, one.read_seq) for one in told]


async def test_what_is_read_is_told_to_ones_own_devices_and_to_the_others(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    for text in ("one", "two", "three"):
        await say(house.bob, conversation, text)
    assert (await listed(house.alice_too, conversation)).unread == 3
    async with oracle(house.alice, house.alice_too, house.bob):
        with house.alice_too.inbox() as own, house.bob.inbox() as others:
            assert await got(house.alice, conversation, 3) == 3
            kept = await read(house.alice, conversation, 2)
            assert (kept.read_seq, kept.unread, kept.last_seq) == (2, 1, 3)
            (told,) = [
                news
                for news in await heard(own, house.bob, conversation)
                if isinstance(news, ReadTo)
            ]
            assert (told.conversation_id, told.read_seq, told.unread) == (conversation, 2, 1)
            positions = receipts_in(await until(others, "that is all"))
            assert positions == [(id_of(house.alice), 3, 0), (id_of(house.alice), 3, 2)]
    assert await shown(house.bob, conversation, house.alice) == (3, 2)
    assert (await listed(house.alice, conversation)).read_seq == 2


async def test_positions_only_grow_and_what_is_read_is_delivered(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    for text in ("one", "two", "three"):
        await say(house.bob, conversation, text)
    async with oracle(house.alice, house.alice_too, house.bob):
        assert (await read(house.alice, conversation, 2)).read_seq == 2
        with house.alice.inbox() as inbox:
            assert (await read(house.alice_too, conversation, 1)).read_seq == 2
            assert (await read(house.alice_too, conversation, 2)).read_seq == 2
            assert await got(house.alice, conversation, 0) == 2
            news = await heard(inbox, house.bob, conversation)
        assert not any(isinstance(event, ReadTo | ReceiptsTold) for event in news)
        assert await shown(house.bob, conversation, house.alice) == (2, 2)


async def test_two_devices_that_read_at_once_end_at_the_further_one(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    for number in range(20):
        await say(house.bob, conversation, str(number))
    async with oracle(house.alice, house.alice_too, house.bob):
        devices = [house.alice, house.alice_too] * 10
        await asyncio.gather(
            *(read(device, conversation, seq) for seq, device in enumerate(devices, 1))
        )
        assert (await listed(house.alice, conversation)).unread == 0
        assert (await listed(house.alice_too, conversation)).read_seq == 20


async def test_a_message_that_is_not_there_yet_cannot_be_read(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await say(house.bob, conversation, "one")
    async with oracle(house.alice, house.alice_too, house.bob):
        future = ReadConversation(conversation_id=conversation, seq=2)
        assert await refused(house.alice, future) == "invalid seq"
        unseen = ConfirmDelivery(conversation_id=conversation, seq=2**53 - 1)
        assert await refused(house.alice, unseen) == "invalid seq"
        negative = ReadConversation.model_construct(conversation_id=conversation, seq=-1)
        assert await refused(house.alice, negative) == "invalid seq"
        assert (await listed(house.alice, conversation)).unread == 1
        assert await shown(house.bob, conversation, house.alice) == (0, 0)


async def test_one_bad_position_harms_none_of_those_that_wait_with_it(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await say(house.bob, conversation, "one")
    async with oracle(house.alice, house.alice_too, house.bob):
        asked = [ReadConversation(conversation_id=conversation, seq=seq) for seq in (9, 1, 9, 0)]
        results = await asyncio.gather(*map(house.alice.call, asked), return_exceptions=True)
        assert [isinstance(result, ReadKept) for result in results] == [False, True, False, True]


async def test_who_is_not_a_member_has_no_position(house: House) -> None:
    group = await open_group(house.alice, "bob")
    await say(house.bob, group, "one")
    async with oracle(house.alice, house.bob, house.carol):
        strange = ReadConversation(conversation_id=group, seq=1)
        assert await refused(house.carol, strange) == "not_found conversation_id"
        nothing = ConfirmDelivery(conversation_id=uuid7(), seq=1)
        assert await refused(house.carol, nothing) == "not_found conversation_id"
        away = RemoveMember(conversation_id=group, user_id=id_of(house.bob), op_id=uuid7())
        await house.alice.call(away)
        late = ReadConversation(conversation_id=group, seq=2)
        assert await refused(house.bob, late) == "not_found conversation_id"


async def test_who_comes_back_has_read_all_of_before(house: House) -> None:
    group = await open_group(house.alice, "bob")
    await say(house.alice, group, "unread")
    async with oracle(house.alice):
        away = RemoveMember(conversation_id=group, user_id=id_of(house.bob), op_id=uuid7())
        await house.alice.call(away)
        await say(house.alice, group, "unseen")
        back = AddMembers(conversation_id=group, usernames=["bob"], op_id=uuid7())
        await house.alice.call(back)
        await say(house.alice, group, "new")
    found = await listed(house.bob, group)
    assert (found.unread, found.read_seq, found.last_seq) == (1, 4, 6)


WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0"""


@pytest.mark.parametrize("sends_away", [RemoveMember, BanMember])
async def test_who_reads_while_they_are_sent_away_is_told_nothing_of_it_afterwards(
    house: House, pg: asyncpg.Connection, sends_away: type[RemoveMember | BanMember]
) -> None:
    group, bob = uuid7(), id_of(house.bob)
    await house.alice.call(CreateGroup(conversation_id=group, title="Us", usernames=["bob"]))
    last = await say(house.alice, group, "hi")
    with house.bob.inbox() as inbox:
        async with pg.transaction():
            await pg.execute("select from user_streams where user_id = $1 for no key update", bob)
            asked = sends_away(conversation_id=group, user_id=bob, op_id=uuid7())
            sending = asyncio.create_task(house.alice.call(asked))
            async with asyncio.timeout(5):
                while await pg.fetchval(WAITING) < 1:
                    pass
                reading = asyncio.create_task(read(house.bob, group, last.seq))
                while await pg.fetchval(WAITING) < 2:
                    pass
        await sending
        with pytest.raises(LuminaError, match="not_found"):
            await reading
        await say(house.bob, await open_conversation(house.bob, "carol"), "elsewhere")
        told = await until(inbox, "elsewhere")
    assert any(isinstance(each, ConversationLeft) for each in told)
    assert not any(isinstance(each, ReadTo) for each in told)


async def test_unread_are_the_messages_of_others_that_are_there_to_be_read(house: House) -> None:
    group = await open_group(house.alice, "bob")
    async with oracle(house.alice, house.bob, house.carol):
        await say(house.alice, group, "before carol came")
        added = AddMembers(conversation_id=group, usernames=["carol"], op_id=uuid7())
        await house.alice.call(added)
        gone = await say(house.alice, group, "gone")
        await say(house.carol, group, "her own")
        await say(house.bob, group, "counted")
        assert (await counts(house.carol)).total == 2
        taken_back = DeleteMessage(conversation_id=group, message_id=gone.message_id, op_id=uuid7())
        await house.alice.call(taken_back)
        assert (await counts(house.carol)).total == 1
        assert (await counts(house.bob)).total == 2
        assert (await counts(house.alice)).total == 2


async def test_no_more_than_999_are_counted(house: House, pg: asyncpg.Connection) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await pg.execute(
        """with many as (
               update conversations set last_seq = 1200, last_rev = 1200 where conversation_id = $1)
           insert into messages
               (conversation_id, message_id, seq, rev, sender_id, content, content_digest)
           select $1, gen_random_uuid(), n, n, $2, 'x', decode(md5('x'), 'hex')
           from generate_series(1, 1200) n""",
        conversation, id_of(house.bob),
    )  # fmt: skip
    assert (await listed(house.alice, conversation)).unread == 999
    assert (await counts(house.alice)).total == 999
    assert (await read(house.alice, conversation, 201)).unread == 999
    assert (await read(house.alice, conversation, 202)).unread == 998
    assert (await counts(house.alice)).total == 998


async def test_what_is_past_those_that_are_looked_at_may_be_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    talks = [await open_group(house.alice, "bob") for _ in range(3)]
    for talk in talks:
        await read(house.bob, talk, 1)
    monkeypatch.setattr(receipts, "LOOKED_AT", 3)
    assert (await counts(house.bob)) == UnreadCounts(total=0, conversations=[], more=False)
    monkeypatch.setattr(receipts, "LOOKED_AT", 2)
    assert (await counts(house.bob)) == UnreadCounts(total=0, conversations=[], more=True)


async def test_nobody_is_told_across_a_block(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    for text in ("one", "two", "three"):
        await say(house.bob, conversation, text)
    group = await open_group(house.alice, "bob")
    await read(house.alice, conversation, 1)
    async with oracle(house.alice, house.alice_too, house.bob):
        with house.bob.inbox() as inbox:
            await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
            await read(house.alice, conversation, 2)
            news = await heard(inbox, house.alice, group)
        assert receipts_in(news) == []
        assert await shown(house.bob, conversation, house.alice) == (1, 1)
        assert (await listed(house.alice_too, conversation)).read_seq == 2
        with house.bob.inbox() as inbox:
            await house.alice.call(UnblockUser(user_id=id_of(house.bob), op_id=uuid7()))
            await read(house.alice, conversation, 3)
            news = await heard(inbox, house.alice, group)
        assert receipts_in(news) == [(id_of(house.alice), 3, 3)]


async def test_in_a_large_group_nobody_is_told(house: House, pg: asyncpg.Connection) -> None:
    group = await open_group(house.alice, "bob")
    await pg.execute(
        """with many as (insert into users (user_id, username, username_key, password_hash)
               select overlay(gen_random_uuid()::text placing '7' from 15)::uuid,
                      'u' || n, 'u' || n, '!'
               from generate_series(1, 18) n returning user_id)
           insert into conversation_participants (conversation_id, user_id)
           select $1, user_id from many""",
        group,
    )  # fmt: skip
    with house.bob.inbox() as inbox:
        await read(house.alice, group, 1)
        assert receipts_in(await heard(inbox, house.alice, group)) == [(id_of(house.alice), 1, 1)]
        added = AddMembers(conversation_id=group, usernames=["carol"], op_id=uuid7())
        await house.alice.call(added)
        await read(house.alice, group, 2)
        assert receipts_in(await heard(inbox, house.alice, group)) == []
    assert await shown(house.bob, group, house.alice) == (1, 1)
    assert (await listed(house.alice_too, group)).read_seq == 2


async def test_positions_in_200_conversations_at_once_are_a_few_commits(
    house: House, pg: asyncpg.Connection
) -> None:
    conversations = [await open_group(house.bob, "alice") for _ in range(200)]
    with house.alice_too.inbox() as inbox:
        await asyncio.gather(*(read(house.alice, one, 1) for one in conversations))
        told: list[ReadTo] = []
        revs: list[int] = []
        async for news in inbox:
            if isinstance(news, PersonalEvent):  # of being added they are notified meanwhile
                revs.append(news.user_rev)
            if isinstance(news, ReadTo):
                told.append(news)
            if len(told) == 200:
                break
    assert {news.conversation_id for news in told} == set(conversations)
    assert revs == list(range(revs[0], revs[0] + len(revs)))
    commits = await pg.fetchval(
        "select count(distinct xmin::text) from receipts where user_id = $1 and read_seq = 1",
        id_of(house.alice),
    )
    assert commits < 100


async def test_what_was_read_elsewhere_is_told_after_a_resume(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            conversation = await open_conversation(alice, "bob")
            await say(bob, conversation, "one")
            await say(bob, conversation, "two")
            async with user(two, "alice") as away, oracle(away, bob):
                await away._link.close()  # type: ignore[union-attr]
                await read(alice, conversation, 1)
                await read(bob, conversation, 2)
                await say(bob, conversation, "three")
                (message, *_) = await history(away, conversation)
                assert message.content == "one"


async def test_the_sdk_tells_what_the_app_has_taken(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        app = Client(two.url, username="alice", password=PASSWORD, receipts=True)
        async with app as alice, user(one, "bob") as bob:
            conversation = await open_conversation(bob, "alice")
            with alice.inbox() as left, alice.inbox() as taken, bob.inbox() as told:
                for text in ("one", "two", "three"):
                    await say(bob, conversation, text)
                await until(taken, "three")
                async for news in told:
                    if isinstance(news, ReceiptsTold) and news.receipts[0].delivered_seq == 3:
                        break
                assert left
            assert await shown(bob, conversation, alice) == (3, 0)


async def history(client: Client, conversation_id: UUID) -> list[Message]:
    return (await client.call(ReadHistory(conversation_id=conversation_id))).messages
