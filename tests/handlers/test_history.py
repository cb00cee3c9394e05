"""Pages of history around a message, and whether there is more on either side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import DeleteMessage, Message, MessagePage, ReadHistory

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user


@dataclass
class Reader:
    client: Client
    talk: UUID

    async def page(self, **where: object) -> MessagePage:
        body = {"conversation_id": self.talk, **where}
        return await self.client.call(ReadHistory.model_validate(body))

    async def all_from(self, anchor: int, limit: int) -> list[Message]:
        """A page around the anchor, then on in both directions until a page says it is the last."""
        page = await self.page(around_seq=anchor, limit=limit)
        found, first, last = list(page.messages), page, page
        assert anchor in [message.seq for message in found]
        assert len(found) <= limit
        while first.more_before:
            first = await self.page(before_seq=first.messages[0].seq, limit=limit)
            assert first.messages
            assert first.more_after
            found = [*first.messages, *found]
        while last.more_after:
            last = await self.page(after_seq=last.messages[-1].seq, limit=limit)
            assert last.messages
            assert last.more_before
            found += last.messages
        return found

    async def refused(self, **where: object) -> str:
        with pytest.raises(LuminaError) as refused:
            await self.page(**where)
        return f"{refused.value.body.code} {refused.value.body.field}"


@asynccontextmanager
async def interrupted(settings: Settings) -> AsyncIterator[tuple[Reader, Reader]]:
    """Alice, who has seen all of a group: 13 messages; and bob, who was away for some of them."""
    async with nodes(settings, 2, requests_burst=10**9) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            talk, ready = uuid7(), bob.ready
            assert ready
            opened = CreateGroup(conversation_id=talk, title="Tea", usernames=["bob"])
            await alice.call(opened)  # 1 is its note
            await say_some(alice, talk, 3)  # 2 to 4
            leaving = {"conversation_id": talk, "user_id": ready.user_id, "op_id": uuid7()}
            await alice.call(RemoveMember.model_validate(leaving))  # 5
            await say_some(alice, talk, 3)  # 6 to 8
            back = AddMembers(conversation_id=talk, usernames=["bob"], op_id=uuid7())
            await alice.call(back)  # 9
            await say_some(bob, talk, 4)  # 10 to 13
            yield Reader(alice, talk), Reader(bob, talk)


async def say_some(client: Client, talk: UUID, count: int) -> None:
    for number in range(count):
        await say(client, talk, f"message {number}")


async def test_from_every_message_all_that_one_may_see_is_read_once(settings: Settings) -> None:
    async with interrupted(settings) as (alice, bob):
        for reader, seen in ((alice, range(1, 14)), (bob, (1, 2, 3, 4, 9, 10, 11, 12, 13))):
            for anchor in seen:
                for limit in (1, 2, 3, 5, 20):
                    found = await reader.all_from(anchor, limit)
                    assert [m.seq for m in found] == list(seen), (anchor, limit)


async def test_a_page_is_half_before_and_half_after_the_message(settings: Settings) -> None:
    async with interrupted(settings) as (alice, bob):

        async def seqs(reader: Reader, **where: object) -> tuple[list[int], bool, bool]:
            page = await reader.page(**where)
            return [m.seq for m in page.messages], page.more_before, page.more_after

        assert await seqs(alice, around_seq=7, limit=5) == ([5, 6, 7, 8, 9], True, True)
        assert await seqs(alice, around_seq=7, limit=4) == ([6, 7, 8, 9], True, True)
        assert await seqs(alice, around_seq=1, limit=5) == ([1, 2, 3], False, True)
        assert await seqs(bob, around_seq=9, limit=5) == ([3, 4, 9, 10, 11], True, True)
        assert await seqs(bob, around_seq=13, limit=5) == ([11, 12, 13], True, False)
        (message,) = (await bob.page(around_seq=10, limit=1)).messages
        assert await seqs(bob, around_message_id=message.message_id, limit=3) == (
            [9, 10, 11],
            True,
            True,
        )
        assert await seqs(bob, limit=200) == ([1, 2, 3, 4, 9, 10, 11, 12, 13], False, False)
        assert await seqs(bob, after_seq=13) == ([], True, False)
        assert await seqs(bob, after_seq=2**53 - 1) == ([], True, False)
        assert await seqs(bob, before_seq=1) == ([], False, True)
        assert await seqs(bob, before_seq=0) == ([], False, True)


async def test_what_one_may_not_see_nothing_is_around(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with interrupted(settings) as (alice, bob):
        (away,) = (await alice.page(around_seq=7, limit=1)).messages
        assert await bob.refused(around_seq=7) == "not_found around_seq"
        by_id = {"around_message_id": away.message_id}
        assert await bob.refused(**by_id) == "not_found around_message_id"
        for nothing in ({"around_seq": 0}, {"around_seq": 14}, {"around_seq": 2**53 - 1}):
            assert await alice.refused(**nothing) == "not_found around_seq"
        assert await alice.refused(around_message_id=uuid7()) == "not_found around_message_id"
        elsewhere = Reader(bob.client, uuid7())
        assert await elsewhere.refused(around_seq=1) == "not_found conversation_id"

        ready = bob.client.ready
        assert ready
        hide = "insert into message_hides (conversation_id, seq, user_id) values ($1, 1, $2)"
        await pg.execute(hide, bob.talk, ready.user_id)
        assert await bob.refused(around_seq=1) == "not_found around_seq"
        assert (await alice.page(around_seq=1, limit=1)).messages
        assert not (await bob.page(before_seq=2)).more_before
        assert not (await bob.page(after_seq=1, limit=1)).more_before


async def test_a_page_is_around_a_tombstone_as_well(settings: Settings) -> None:
    async with interrupted(settings) as (alice, _):
        (message,) = (await alice.page(around_seq=7, limit=1)).messages
        gone = {"conversation_id": alice.talk, "message_id": message.message_id}
        await alice.client.call(DeleteMessage.model_validate({**gone, "op_id": uuid7()}))
        page = await alice.page(around_message_id=message.message_id, limit=3)
    assert [(m.seq, m.is_deleted) for m in page.messages] == [(6, False), (7, True), (8, False)]


async def test_long_messages_leave_the_nearest_ones(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = Reader(alice, await open_conversation(alice, "bob"))
            for _ in range(20):
                await say(alice, talk.talk, "👋" * 4000)
            page = await talk.page(around_seq=10, limit=200)
            assert [m.seq for m in page.messages] == list(range(6, 14))
            assert (page.more_before, page.more_after) == (True, True)
            assert [m.seq for m in await talk.all_from(15, 200)] == list(range(1, 21))
