"""Deleting for oneself: for ever, on every device, and nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from lumina_protocol.conversations import (
    ConversationSynced,
    ConversationVoid,
    ListConversations,
    SyncConversation,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.hides import HideMessages, MessagesHidden
from lumina_protocol.message_reactions import ListReactions
from lumina_protocol.messages import (
    EditMessage,
    ListEdits,
    Message,
    MessageChanged,
    ReadHistory,
)
from lumina_protocol.pins import ListPins
from lumina_protocol.session import Resume

from lumina_rt.client import Client
from tests.e2e.test_resume import cut, raw
from tests.handlers.test_blocks import refused, until
from tests.handlers.test_message_reactions import House, hears, house
from tests.handlers.test_pins import pin
from tests.house import say, user
from tests.oracle import oracle

__all__ = ["house"]


def hide(house: House, *message_ids: UUID) -> HideMessages:
    names = list(message_ids) or [house.message_id]
    return HideMessages(conversation_id=house.group, op_id=uuid7(), message_ids=names)


def edit(house: House, content: str, base_rev: int) -> EditMessage:
    return EditMessage(**house.name, op_id=uuid7(), base_rev=base_rev, content=content)


async def seen(house: House, client: Client) -> list[str]:
    """By every way there is, which all show the same."""
    name: dict[str, Any] = {"conversation_id": house.group}
    newest = (await client.call(ReadHistory(**name))).messages
    after = (await client.call(ReadHistory(**name, after_seq=0))).messages
    before = (await client.call(ReadHistory(**name, before_seq=10_000))).messages
    page = await client.call(SyncConversation(**name, after_rev=0))
    assert (page.from_rev, page.to_rev) == (0, page.last_rev)
    synced = sorted(page.messages, key=lambda message: message.seq)
    assert newest == after == before == synced
    return [message.content for message in newest]


async def last(house: House, client: Client) -> Message | None:
    (conversation,) = (await client.call(ListConversations())).conversations
    assert conversation.conversation_id == house.group
    return conversation.last_message


async def test_what_is_hidden_is_hidden_everywhere_and_for_nobody_else(house: House) -> None:
    kept = await seen(house, house.carol)
    async with oracle(*house.all):
        with house.bob.inbox() as inbox:
            reply = await house.alice.call(hide(house))
            await say(house.bob, house.group, "fence")
            heard = await until(inbox, "fence")
        assert [(one.message_id, one.seq) for one in reply.hidden] == [(house.message_id, 2)]
        assert not [news for news in heard if isinstance(news, MessagesHidden | MessageChanged)]
    for client in (house.alice, house.alice_too):
        assert await seen(house, client) == [kept[0], "fence"]
    assert await seen(house, house.carol) == [*kept, "fence"]
    async with user(house.nodes[1], "alice") as fresh:
        assert await seen(house, fresh) == [kept[0], "fence"]


async def test_the_newest_message_is_hidden_in_the_list_too(house: House) -> None:
    async with oracle(*house.all):
        await house.alice.call(hide(house))
        assert await last(house, house.alice_too) is None
        assert (await last(house, house.bob)) == await house.message()
    async with oracle(*house.all):
        await say(house.bob, house.group, "next")
        shown = await last(house, house.alice)
        assert shown is not None
        assert shown.content == "next"


async def test_what_becomes_of_it_later_is_a_number_only(house: House) -> None:
    await house.carol.call(hide(house))
    async with oracle(*house.all):
        with house.carol.inbox() as inbox:
            await house.bob.call(house.react("curious"))
            await house.alice.call(edit(house, "hello!", 3))
            await house.alice.call(pin(house))
            await house.alice.call(house.delete())
            await say(house.bob, house.group, "fence")
            heard = await until(inbox, "fence")
        assert not [news for news in heard if isinstance(news, MessageChanged)]
    assert "hello!" not in await seen(house, house.carol)


async def test_others_change_it_and_it_stays_hidden_in_one_block(house: House) -> None:
    """Hidden and changed while events of both are on their way."""
    async with oracle(*house.all):
        await asyncio.gather(
            house.bob.call(house.react("curious")),
            house.carol.call(hide(house)),
            house.alice.call(house.react("excited")),
        )
        await say(house.alice, house.group, "fence")


async def test_who_was_away_is_told_what_was_hidden_and_nothing_of_it(house: House) -> None:
    async with oracle(*house.all):
        with house.alice_too.inbox() as inbox:
            cut(house.nodes[1])
            await house.alice.call(hide(house))
            await house.carol.call(house.react("curious"))
            await say(house.carol, house.group, "after")
            await until(inbox, "after")


async def test_a_resume_tells_no_message_that_is_hidden(house: House) -> None:
    await house.alice.call(hide(house))
    await house.bob.call(house.react("curious"))
    for rev in (1, 2):
        asked = Resume(epoch=1, user_rev=0, cursors=[(house.group, rev)])
        async with raw(house.nodes[1], "alice", asked) as (_, heard):
            pages = [event for event in heard if isinstance(event, ConversationSynced)]
            assert [(page.messages, page.to_rev) for page in pages] == [([], 3)]
        async with raw(house.nodes[1], "bob", asked) as (_, heard):
            (page,) = [event for event in heard if isinstance(event, ConversationSynced)]
            assert [message.message_id for message in page.messages] == [house.message_id]


async def test_a_number_is_what_the_connection_hears(house: House) -> None:
    await house.alice.call(hide(house))
    asked = Resume(epoch=1)
    async with raw(house.nodes[1], "alice", asked) as (_, heard):
        with house.bob.inbox() as inbox:
            rev = (await house.bob.call(house.react("curious"))).rev
            await say(house.bob, house.group, "fence")
            await until(inbox, "fence")
        await hears(heard, ConversationVoid(conversation_id=house.group, rev=rev))
        assert not [event for event in heard if isinstance(event, MessageChanged)]


async def test_to_who_has_hidden_it_a_message_is_not_there(house: House) -> None:
    await house.alice.call(pin(house))
    await house.alice.call(hide(house))
    async with oracle(*house.all):
        for asked in (house.react("curious"), pin(house), ListReactions(**house.name)):
            assert await refused(house.alice, asked) == "not_found message_id"
        assert await refused(house.alice, ListEdits(**house.name)) == "not_found message_id"
        assert (await house.alice.call(ListPins(conversation_id=house.group))).pins == []
        assert len((await house.bob.call(ListPins(conversation_id=house.group))).pins) == 1


async def test_again_or_at_once_is_told_once(house: House, pg: asyncpg.Connection) -> None:
    async with oracle(*house.all):
        asked = hide(house)
        first, other = await asyncio.gather(
            house.alice.call(asked), house.alice_too.call(hide(house))
        )
        assert sorted([len(first.hidden), len(other.hidden)]) == [0, 1]
        assert await house.alice_too.call(asked) == first
        assert (await house.alice.call(hide(house))).hidden == []
    told = "select count(*) from user_events where event_type = 'message.hidden'"
    assert await pg.fetchval(told) == 1


async def test_many_at_once_and_what_is_not_there_is_passed_over(house: House) -> None:
    sent = [await say(house.bob, house.group, str(n)) for n in range(4)]
    await house.remove(house.carol)
    unseen = await say(house.bob, house.group, "without carol")
    await house.add("carol")
    async with oracle(*house.all):
        names = [sent[0].message_id, uuid7(), unseen.message_id, sent[2].message_id]
        reply = await house.carol.call(hide(house, *names))
        assert [one.seq for one in reply.hidden] == [sent[0].seq, sent[2].seq]
    async with user(house.nodes[0], "mallory") as mallory:
        assert await refused(mallory, hide(house)) == "not_found conversation_id"


async def test_who_comes_back_to_a_group_does_not_see_it_again(house: House) -> None:
    await house.carol.call(hide(house))
    await house.remove(house.carol)
    await house.add("carol")
    assert "hello" not in await seen(house, house.carol)
    assert "hello" in await seen(house, house.bob)
