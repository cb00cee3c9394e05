"""Moods on messages: one of each user, told to all, with the counts as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ConversationVoid, ListConversations, SyncConversation
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.message_reactions import ListReactions, Mood, React, ReactionKept
from lumina_protocol.messages import DeleteMessage, Message, MessageChanged, ReadHistory
from lumina_protocol.session import Resume

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.e2e.test_resume import Heard, cut, raw
from tests.handlers.test_blocks import refused
from tests.handlers.test_sending import BLOCK, held
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle

NOWHERE = UUID(int=0)
MOODS: tuple[Mood, ...] = ("inspired", "grateful", "curious", "excited", "thoughtful")


@dataclass
class House:
    """alice on two nodes, bob and carol by turns; a group of alice with one message of hers."""

    nodes: list[Node]
    alice: Client
    alice_too: Client
    bob: Client
    carol: Client
    group: UUID = NOWHERE
    message_id: UUID = NOWHERE

    @property
    def all(self) -> tuple[Client, ...]:
        return self.alice, self.alice_too, self.bob, self.carol

    @property
    def name(self) -> dict[str, Any]:
        return {"conversation_id": self.group, "message_id": self.message_id}

    def react(self, reaction: Mood | None, op_id: UUID | None = None) -> React:
        return React(**self.name, op_id=op_id or uuid7(), reaction=reaction)

    def delete(self) -> DeleteMessage:
        return DeleteMessage(**self.name, op_id=uuid7())

    async def add(self, *names: str) -> None:
        asked = AddMembers(conversation_id=self.group, usernames=list(names), op_id=uuid7())
        await self.alice.call(asked)

    async def remove(self, client: Client) -> None:
        user_id = id_of(client)
        await self.alice.call(
            RemoveMember(conversation_id=self.group, user_id=user_id, op_id=uuid7())
        )

    async def message(self, client: Client | None = None) -> Message:
        asked = ReadHistory(conversation_id=self.group, limit=200)
        page = await (client or self.bob).call(asked)
        (found,) = [m for m in page.messages if m.message_id == self.message_id]
        return found


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


def counts(message: Message) -> dict[str, int]:
    return {one.reaction: one.count for one in message.reactions or ()}


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with nodes(settings, 2) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol", "mallory")
        homes = [(one, "alice"), (two, "alice"), (two, "bob"), (one, "carol")]
        clients = [await stack.enter_async_context(user(node, name)) for node, name in homes]
        alice, alice_too, bob, carol = clients
        house = House([one, two], alice, alice_too, bob, carol)
        asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob", "carol"])
        await house.alice.call(asked)
        house.group = asked.conversation_id
        house.message_id = (await say(house.alice, house.group, "hello")).message_id
        yield house


async def test_a_mood_is_had_changed_and_taken_back_and_everybody_is_told(house: House) -> None:
    async with oracle(*house.all):
        first = await house.bob.call(house.react("curious"))
        assert first == ReactionKept(message_id=house.message_id, seq=2, rev=3, changed=True)
        await house.carol.call(house.react("curious"))
        await house.alice_too.call(house.react("excited"))
        told = (await house.message()).reactions
        assert told is not None
        bob, carol, alice = (id_of(c) for c in (house.bob, house.carol, house.alice))
        said = [(one.reaction, one.count, one.user_ids) for one in told]
        assert said == [("curious", 2, [bob, carol]), ("excited", 1, [alice])]
    async with oracle(*house.all):
        await house.bob.call(house.react("excited"))
        assert counts(await house.message()) == {"excited": 2, "curious": 1}
        for client in (house.bob, house.carol, house.alice):
            await client.call(house.react(None))
        message = await house.message()
        assert (message.reactions, message.rev, message.content) == (None, 9, "hello")


async def test_each_of_the_moods_is_one(house: House) -> None:
    async with oracle(*house.all):
        for mood in MOODS:
            await house.bob.call(house.react(mood))
            assert counts(await house.message()) == {mood: 1}


async def test_what_is_so_already_is_told_to_nobody_again(
    house: House, pg: asyncpg.Connection
) -> None:
    none = await house.bob.call(house.react(None))
    assert (none.rev, none.changed) == (2, False)
    first = await house.bob.call(house.react("curious"))
    again = await house.bob.call(house.react("curious"))
    assert again == first.model_copy(update={"changed": False})
    assert await pg.fetchval("select last_rev from conversations") == 3


async def test_a_late_retry_does_not_undo_what_was_done_since(house: House) -> None:
    async with oracle(*house.all):
        asked = house.react("curious")
        first = await house.alice.call(asked)
        await house.alice_too.call(house.react(None))
        assert await house.alice_too.call(asked) == first
    assert (await house.message()).reactions is None


async def test_two_who_react_at_once_are_both_counted(house: House, pg: asyncpg.Connection) -> None:
    async with oracle(*house.all):
        async with held(pg, house.group, writers=3):
            tasks = [
                asyncio.create_task(house.bob.call(house.react("curious"))),
                asyncio.create_task(house.carol.call(house.react("curious"))),
                asyncio.create_task(house.alice_too.call(house.react("grateful"))),
            ]
        revs = sorted([(await task).rev for task in tasks])
    assert revs == [3, 4, 5]
    assert counts(await house.message()) == {"curious": 2, "grateful": 1}


async def test_nothing_is_left_on_a_deleted_message(house: House, pg: asyncpg.Connection) -> None:
    async with oracle(*house.all):
        await house.bob.call(house.react("curious"))
        await house.alice.call(house.delete())
        assert await refused(house.bob, house.react("excited")) == "gone message_id"
        assert await refused(house.bob, house.react(None)) == "gone message_id"
        assert await refused(house.bob, ListReactions(**house.name)) == "gone message_id"
    assert (await house.message()).reactions is None
    assert await pg.fetchval("select count(*) from message_reactions") == 0


async def test_a_reaction_while_the_message_is_deleted_is_before_it_or_refused(
    house: House, pg: asyncpg.Connection
) -> None:
    async with oracle(*house.all):
        async with held(pg, house.group, writers=2):
            deleting = asyncio.create_task(house.alice.call(house.delete()))
            reacting = asyncio.create_task(house.bob.call(house.react("curious")))
        deleted, reacted = await asyncio.gather(deleting, reacting, return_exceptions=True)
    assert not isinstance(deleted, BaseException)
    if isinstance(reacted, LuminaError):
        assert (reacted.body.code, deleted.rev) == ("gone", 3)
    else:
        assert not isinstance(reacted, BaseException)
        assert (reacted.rev, deleted.rev) == (3, 4)
    assert (await house.message()).reactions is None
    assert await pg.fetchval("select count(*) from message_reactions") == 0


async def test_who_is_removed_reacts_no_more_and_what_they_did_stays(
    house: House, pg: asyncpg.Connection
) -> None:
    await house.bob.call(house.react("curious"))
    async with oracle(house.alice, house.alice_too, house.carol):
        await house.remove(house.bob)
        for asked in (house.react("excited"), house.react(None), ListReactions(**house.name)):
            assert await refused(house.bob, asked) == "not_found conversation_id"
    assert counts(await house.message(house.carol)) == {"curious": 1}


async def test_what_one_does_not_see_one_does_not_react_to(house: House) -> None:
    await house.remove(house.carol)
    house.message_id = (await say(house.alice, house.group, "without carol")).message_id
    await house.add("carol")
    async with oracle(*house.all):
        assert await refused(house.carol, house.react("curious")) == "not_found message_id"
        assert await refused(house.carol, ListReactions(**house.name)) == "not_found message_id"
        await house.bob.call(house.react("curious"))
    page = await house.carol.call(SyncConversation(conversation_id=house.group, after_rev=0))
    assert house.message_id not in {message.message_id for message in page.messages}


async def test_what_is_refused(house: House) -> None:
    page = await house.bob.call(ReadHistory(conversation_id=house.group))
    (note, _) = page.messages
    async with user(house.nodes[0], "mallory") as mallory, oracle(*house.all, mallory):
        asked = house.react("curious")
        of_note = asked.model_copy(update={"message_id": note.message_id})
        nowhere = asked.model_copy(update={"message_id": uuid7()})
        assert await refused(mallory, asked) == "not_found conversation_id"
        assert await refused(mallory, ListReactions(**house.name)) == "not_found conversation_id"
        assert await refused(house.bob, of_note) == "forbidden message_id"
        assert await refused(house.bob, nowhere) == "not_found message_id"
        await house.bob.call(asked)
        other = asked.model_copy(update={"reaction": "excited"})
        assert await refused(house.bob, other) == "conflict op_id"


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_across_a_block_a_mood_is_only_taken_back(
    house: House, pg: asyncpg.Connection, blocker: str
) -> None:
    house.group = await open_conversation(house.alice, "bob")
    house.message_id = (await say(house.alice, house.group, "hello")).message_id
    await house.bob.call(house.react("curious"))
    await pg.execute(BLOCK, blocker, "bob" if blocker == "alice" else "alice")
    async with oracle(house.alice, house.alice_too, house.bob):
        for client in (house.alice, house.bob):
            assert await refused(client, house.react("excited")) == "blocked"
        assert (await house.bob.call(house.react(None))).changed


async def test_who_was_away_is_told_the_counts_as_they_are(house: House) -> None:
    async with oracle(*house.all):
        with house.bob.inbox() as inbox:
            cut(house.nodes[1])
            await house.carol.call(house.react("curious"))
            await house.alice.call(house.react("curious"))
            changes = await until_rev(inbox, 4)
    assert counts(changes[-1]) == {"curious": 2}


async def until_rev(inbox: Any, rev: int) -> list[Message]:
    found: list[Message] = []
    async for news in inbox:
        if isinstance(news, MessageChanged):
            found.append(news.message)
            if news.message.rev >= rev:
                break
    return found


async def test_every_view_of_a_message_has_its_reactions(house: House) -> None:
    await house.carol.call(house.react("grateful"))
    (conversation,) = (await house.bob.call(ListConversations())).conversations
    assert conversation.last_message
    seen = [conversation.last_message]
    places: list[dict[str, Any]] = [{}, {"after_seq": 1}, {"before_seq": 3}]
    for where in places:
        page = await house.bob.call(ReadHistory(conversation_id=house.group, **where))
        seen.append(page.messages[-1])
    synced = await house.bob.call(SyncConversation(conversation_id=house.group, after_rev=2))
    seen += synced.messages
    assert [counts(message) for message in seen] == [{"grateful": 1}] * 5


INSERT_MANY = """
with people as (
    insert into users (user_id, username, username_key, password_hash)
    select md5(n::text)::uuid, 'user' || n, 'user' || n, '!' from generate_series(1, $3::int) n
    returning user_id, username
)
insert into message_reactions (conversation_id, seq, user_id, reaction_type, created_at)
select $1, $2, user_id, case when username like '%0' then 'excited' else 'curious' end,
       now() - substr(username, 5)::int * interval '1 second' from people"""


async def test_of_many_the_first_are_named_and_the_others_told_by_pages(
    house: House, pg: asyncpg.Connection
) -> None:
    await pg.execute(INSERT_MANY, house.group, 2, 45)
    async with oracle(*house.all):
        await house.bob.call(house.react("excited"))
    message = await house.message()
    assert counts(message) == {"curious": 41, "excited": 5}
    assert message.reactions
    named = {user_id for one in message.reactions for user_id in one.user_ids}
    got: list[UUID] = []
    after = None
    while True:
        asked = ListReactions(**house.name, after=after, limit=20)
        page = await house.bob.call(asked)
        assert page.own == "excited"
        got += [one.user_id for one in page.reactions]
        if not page.more:
            break
        after = page.reactions[-1].reacted_at, page.reactions[-1].user_id
    assert len(got) == len(set(got)) == 46
    assert got[-1] == id_of(house.bob)
    assert (len(named), named) == (20, set(got[:20]))
    last = page.reactions[-1]
    assert (last.username, last.reaction) == ("bob", "excited")
    other = await house.carol.call(ListReactions(**house.name))
    assert (other.own, other.more) == (None, False)


async def test_another_mood_does_not_move_whoever_was_there_first(house: House) -> None:
    await house.bob.call(house.react("curious"))
    await house.carol.call(house.react("curious"))
    before = (await house.alice.call(ListReactions(**house.name))).reactions
    await house.bob.call(house.react("excited"))
    after = (await house.alice.call(ListReactions(**house.name))).reactions
    assert [one.reacted_at for one in after] == [one.reacted_at for one in before]
    assert [(one.username, one.reaction) for one in after] == [
        ("bob", "excited"),
        ("carol", "curious"),
    ]


async def test_who_may_not_see_a_message_is_told_a_number_only(house: House) -> None:
    await house.remove(house.carol)
    house.message_id = (await say(house.alice, house.group, "without carol")).message_id
    await house.add("carol")
    async with raw(house.nodes[0], "carol", Resume(epoch=1)) as (_, heard):
        rev = (await house.bob.call(house.react("curious"))).rev
        void = ConversationVoid(conversation_id=house.group, rev=rev)
        await hears(heard, void)
        assert not [event for event in heard if isinstance(event, MessageChanged)]


async def hears(heard: Heard, event: Event) -> None:
    async with asyncio.timeout(10):
        while event not in heard:
            await asyncio.sleep(0)
