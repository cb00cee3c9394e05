"""Whoever was away is told what they have missed: each thing once, in order, without holes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.accounts import Login
from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import (
    ConversationCreated,
    ConversationGone,
    ConversationReset,
    ConversationSynced,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.messages import DeleteMessage, EditMessage, MessageChanged, MessageCreated
from lumina_protocol.session import Authenticate, Resume, Resumed

from lumina_rt.app import Node
from lumina_rt.client import Client, Connected, Inbox
from lumina_rt.client.link import Link
from lumina_rt.config import Settings
from lumina_rt.handlers import resume as module
from tests.house import PASSWORD, created, nodes, open_conversation, register, say, send_all, user
from tests.house import message as new_message
from tests.oracle import World, oracle, snapshot

Heard = list[Event | EventFrame]


@asynccontextmanager
async def raw(node: Node, username: str, asked: Resume) -> AsyncIterator[tuple[Resumed, Heard]]:
    """A connection that resumes as it is told to, and keeps what it hears."""
    heard: Heard = []
    link = await Link.open(node.url, MSGPACK, heard.append)
    reading = asyncio.create_task(link.read())
    try:
        token = (await link.call(Login(username=username, password=PASSWORD))).token
        await link.call(Authenticate(token=token, resume=True))
        yield await link.call(asked), heard
    finally:
        await link.close()
        await reading


def cut(node: Node) -> None:
    """Whoever is connected to this node loses the connection, without a word."""
    for connection in tuple(node.gateway.connections):
        connection.transport.abort()


async def connected_again(inbox: Inbox) -> None:
    async for news in inbox:
        if isinstance(news, Connected):
            return


async def test_what_happened_while_one_was_away_is_told_as_if_it_came_live(
    settings: Settings,
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            first, second = await say(alice, talk, "a slip"), await say(alice, talk, "regretted")
            async with oracle(alice, bob):
                with bob.inbox() as inbox:
                    cut(two)
                    which = {"conversation_id": talk, "message_id": first.message_id}
                    mended = EditMessage(
                        **which, op_id=uuid7(), base_rev=first.rev, content="mended"
                    )
                    await alice.call(mended)
                    gone = DeleteMessage(
                        conversation_id=talk, message_id=second.message_id, op_id=uuid7()
                    )
                    await alice.call(gone)
                    third = await say(alice, talk, "sent and edited")
                    which["message_id"] = third.message_id
                    edit = EditMessage(**which, op_id=uuid7(), base_rev=third.rev, content="both")
                    await alice.call(edit)
                    await connected_again(inbox)
                    await say(alice, talk, "live again")


async def test_whoever_reconnects_all_the_time_gets_each_message_once_in_order(
    settings: Settings,
) -> None:
    count = 200
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            with bob.inbox() as inbox:
                sending = asyncio.create_task(
                    send_all(alice, *(new_message(talk, str(i)) for i in range(count)))
                )
                got: list[int] = []
                async for news in inbox:
                    if isinstance(news, MessageCreated):
                        got.append(news.message.seq)
                        if len(got) % 40 == 20:
                            cut(two)
                    if len(got) == count:
                        break
                await sending
    assert got == list(range(1, count + 1))


async def test_two_devices_of_one_user_miss_different_things(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(one, "bob") as phone, user(two, "bob") as pad:
            talk = await open_conversation(alice, "bob")
            async with oracle(phone, pad):
                with pad.inbox() as inbox:
                    cut(two)
                    await say(alice, talk, "to both")
                    await say(phone, talk, "from the other one")
                    await connected_again(inbox)


async def test_a_conversation_that_was_opened_meanwhile_is_told_with_what_was_said(
    settings: Settings,
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob, oracle(bob):
            with bob.inbox() as inbox:
                cut(two)
                talk = await open_conversation(alice, "bob")
                for i in range(3):
                    await say(alice, talk, str(i))
                await connected_again(inbox)


async def test_a_quiet_connection_resumes_from_where_it_was_told(settings: Settings) -> None:
    """Nothing came since it connected: where the conversations were, the server has said then."""
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            await say(alice, talk, "long ago")
            async with user(two, "bob") as bob:
                with bob.inbox() as inbox:
                    cut(two)
                    await say(alice, talk, "missed")
                    (missed,) = await created(inbox, 1)
                    assert missed.message.content == "missed"


async def test_pages_tile_with_what_comes_live(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a session resumes, more is said all the time; every rev is told just once."""
    monkeypatch.setattr(module, "PAGE", 7)
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            await send_all(alice, *(new_message(talk, str(i)) for i in range(50)))
            sending = asyncio.create_task(
                send_all(alice, *(new_message(talk, str(i)) for i in range(100)))
            )
            asked = Resume(epoch=1, user_rev=0, cursors=[(talk, 10)])
            async with raw(node, "bob", asked) as (resumed, heard):
                await sending
                last = await say(alice, talk, "the last")
                async with asyncio.timeout(5):
                    while not is_told(heard, last.rev):
                        await asyncio.sleep(0.01)
    assert (resumed.reset, resumed.stale, resumed.user_rev) == (False, [], 1)
    revs: list[int] = []
    for event in heard:
        match event:
            case ConversationSynced():
                assert event.from_rev == 10 + len(revs)
                revs += [message.rev for message in event.messages]
            case MessageCreated(message=message):
                revs.append(message.rev)
    assert revs == list(range(11, 152))


def is_told(heard: Heard, rev: int) -> bool:
    return any(isinstance(event, MessageCreated) and event.message.rev == rev for event in heard)


async def test_of_too_much_the_newest_page_is_told_and_what_became_of_the_rest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MISSED", 20)
    monkeypatch.setattr(module, "NEWEST_PAGE", 5)
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            first = await say(alice, talk, "known")
            await say(alice, talk, "known as well")
            await send_all(alice, *(new_message(talk, str(i)) for i in range(30)))
            which = {"conversation_id": talk, "message_id": first.message_id}
            await alice.call(DeleteMessage(**which, op_id=uuid7()))
            asked = Resume(epoch=1, user_rev=1, cursors=[(talk, 2)])
            async with raw(node, "bob", asked) as (_, heard):
                (page,) = [event for event in heard if isinstance(event, ConversationSynced)]
    assert page.limited
    assert (page.from_rev, page.to_rev) == (2, 33)
    assert [message.seq for message in page.messages] == [28, 29, 30, 31, 32]
    assert [(c.seq, c.rev, c.is_deleted) for c in page.changed] == [(1, 33, True)]


async def test_the_sdk_reads_what_a_limited_page_leaves_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MISSED", 20)
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk = await open_conversation(alice, "bob")
            await say(alice, talk, "known")
            async with oracle(bob):
                cut(two)
                await send_all(alice, *(new_message(talk, str(i)) for i in range(60)))


async def test_too_many_changes_or_a_cursor_that_leads_nowhere_is_a_reset(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, pg: asyncpg.Connection
) -> None:
    monkeypatch.setattr(module, "MISSED", 1)
    monkeypatch.setattr(module, "CHANGED", 1)
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol", "dave")
        async with user(node, "alice") as alice:
            changed, future, purged = [
                await open_conversation(alice, name) for name in ("bob", "carol", "dave")
            ]
            for sent in [await say(alice, changed, str(i)) for i in range(2)]:
                which = {"conversation_id": changed, "message_id": sent.message_id}
                edit = EditMessage(**which, op_id=uuid7(), base_rev=sent.rev, content="!")
                await alice.call(edit)
            for i in range(2):
                await say(alice, purged, str(i))
            await pg.execute(
                "update conversations set purged_rev = 2 where conversation_id = $1", purged
            )
            cursors = [(changed, 2), (future, 9), (purged, 1)]
            asked = Resume(epoch=1, user_rev=3, cursors=cursors)
            async with raw(node, "alice", asked) as (_, heard):
                assert heard_resets(heard) == {changed: 4, future: 0, purged: 2}


def heard_resets(heard: Heard) -> dict[UUID, int]:
    return {e.conversation_id: e.last_rev for e in heard if isinstance(e, ConversationReset)}


async def test_cursors_of_another_history_are_reset(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            await say(alice, talk, "now")
            asked = Resume(epoch=0, user_rev=1, cursors=[(talk, 1)])
            async with raw(node, "bob", asked) as (resumed, heard):
                assert resumed.reset
                assert (resumed.epoch, resumed.user_rev) == (1, 1)
                assert heard_resets(heard) == {talk: 1}


async def test_what_one_is_not_in_is_gone_also_when_it_never_was(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "eve")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            never = uuid7()
            asked = Resume(epoch=1, user_rev=0, cursors=[(talk, 0), (never, 3)])
            async with raw(node, "eve", asked) as (_, heard):
                gone = [e.conversation_id for e in heard if isinstance(e, ConversationGone)]
                assert gone == [talk, never]


async def test_what_is_more_than_one_resume_tells_is_stale_and_the_sdk_asks_for_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUDGET", 3)
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob", "carol")
        async with user(one, "alice") as alice, user(one, "carol") as carol:
            with_alice = await open_conversation(alice, "bob")
            with_carol = await open_conversation(carol, "bob")
            async with user(two, "bob") as bob:
                async with oracle(bob):
                    cut(two)
                    for i in range(3):
                        await say(alice, with_alice, str(i))
                        await say(carol, with_carol, str(i))
                asked = Resume(epoch=1, user_rev=2, cursors=[(with_carol, 0), (with_alice, 0)])
                async with raw(one, "bob", asked) as (resumed, _):
                    assert resumed.stale == [with_alice]


async def test_the_own_stream_is_told_from_where_one_was(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol", "dave")
        async with user(node, "alice") as alice:
            for name in ("bob", "carol", "dave"):
                await open_conversation(alice, name)
            async with raw(node, "alice", Resume(epoch=1, user_rev=1)) as (resumed, heard):
                own = [e.user_rev for e in heard if isinstance(e, ConversationCreated)]
                assert (own, resumed.user_rev, resumed.reset) == ([2, 3], 3, False)
            async with raw(node, "alice", Resume()) as (resumed, heard):
                assert (resumed.user_rev, resumed.reset, len(resumed.cursors)) == (3, False, 3)
                assert [e for e in heard if isinstance(e, ConversationCreated)] == []


@pytest.mark.parametrize("held", [False, True])
async def test_to_resume_is_for_who_has_said_so_and_only_once(
    settings: Settings, held: bool
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        link = await Link.open(node.url, MSGPACK, lambda event: None)
        reading = asyncio.create_task(link.read())
        token = (await link.call(Login(username="alice", password=PASSWORD))).token
        await link.call(Authenticate(token=token, resume=held))
        if held:
            await link.call(Resume())
        with pytest.raises(LuminaError, match="invalid"):
            await link.call(Resume())
        await link.close()
        await reading


async def test_a_fresh_client_is_told_what_comes_while_it_begins(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            sending = asyncio.create_task(
                send_all(alice, *(new_message(talk, str(i)) for i in range(100)))
            )
            bob = Client(node.url, username="bob", password=PASSWORD)
            with bob.inbox() as inbox:
                async with bob:
                    before = await snapshot(bob)
                    await sending
                    fresh = await snapshot(bob)
                    await explained(before, inbox, fresh)


async def explained(before: World, inbox: Inbox, fresh: World) -> None:
    """What came leads from a snapshot that was taken after the beginning to the end."""
    async with asyncio.timeout(5):
        while before != fresh:
            news = await anext(inbox)
            if isinstance(news, MessageCreated | MessageChanged):
                before.apply(news)
