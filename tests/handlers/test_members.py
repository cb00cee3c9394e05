"""Groups: who opens them, comes, goes and is sent away, and what each of them is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationJoined,
    ConversationLeft,
    ConversationVoid,
    ListConversations,
    SyncConversation,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event, EventFrame, Request
from lumina_protocol.members import AddMembers, CreateGroup, MembersChanged, RemoveMember
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    Message,
    MessageChanged,
    MessageCreated,
    Note,
    Person,
    ReadHistory,
)
from lumina_protocol.notifications import NotificationChanged

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user

NAMES = ("alice", "bob", "carol", "dave")
LIMIT_S = 10


@dataclass
class House:
    """alice, bob, carol and dave, by turns on one node and the other."""

    nodes: list[Node]
    clients: dict[str, Client]
    inboxes: dict[str, Inbox]
    passed: dict[str, list[Event]]

    def __getitem__(self, name: str) -> Client:
        return self.clients[name]

    def id(self, name: str) -> UUID:
        ready = self.clients[name].ready
        assert ready
        return ready.user_id

    def person(self, name: str) -> Person:
        return Person(user_id=self.id(name), username=name)

    def overheard(self, name: str) -> list[object]:
        """All that the server tells this one from now on, also what the SDK keeps to itself."""
        heard: list[object] = []
        link = self.clients[name]._link
        assert link
        tell = link._tell

        def hear(event: Event | EventFrame) -> None:
            if not isinstance(event, NotificationChanged):  # comes when it comes
                heard.append(event)
            tell(event)

        link._tell = hear
        return heard

    async def heard_of(self, name: str, content: str) -> None:
        """Everything up to this message has come."""
        said = ""
        while said != content:
            news = await self.told(name, MessageCreated)
            assert isinstance(news, MessageCreated)
            said = news.message.content

    async def told(self, name: str, kind: type[Event]) -> Event:
        """The next event of this kind; the others before it wait for whoever asks for them."""
        passed = self.passed[name]
        for before in passed:
            if isinstance(before, kind):
                passed.remove(before)
                return before
        async with asyncio.timeout(LIMIT_S):
            async for news in self.inboxes[name]:
                if isinstance(news, kind):
                    return news
                if isinstance(news, Event):
                    passed.append(news)
        raise AssertionError("an inbox does not end")

    async def group(self, *others: str, by: str = "alice") -> UUID:
        asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=list(others))
        await self[by].call(asked)
        return asked.conversation_id

    async def add(self, group: UUID, *names: str, by: str = "alice") -> MembersChanged:
        asked = AddMembers(conversation_id=group, usernames=list(names), op_id=uuid7())
        return await self[by].call(asked)

    async def remove(self, group: UUID, name: str, by: str = "alice") -> MembersChanged:
        user_id = self.id(name)
        asked = RemoveMember(conversation_id=group, user_id=user_id, op_id=uuid7())
        return await self[by].call(asked)

    async def seen(self, name: str, group: UUID) -> Conversation:
        page = await self[name].call(ListConversations())
        (found,) = [c for c in page.conversations if c.conversation_id == group]
        return found

    async def roles(self, group: UUID, as_seen_by: str = "alice") -> dict[str, str]:
        members = (await self.seen(as_seen_by, group)).members
        return {member.username: member.role for member in members}

    async def history(self, name: str, group: UUID) -> list[Message]:
        page = await self[name].call(ReadHistory(conversation_id=group, limit=200))
        return page.messages

    async def said(self, name: str, group: UUID) -> list[str]:
        return [message.content for message in await self.history(name, group)]

    async def refused(self, name: str, asked: Request[Any]) -> str:
        with pytest.raises(LuminaError) as refused:
            await self[name].call(asked)
        return f"{refused.value.body.code} {refused.value.body.field}"


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(nodes(settings, 2))
        await register(both[0], *NAMES)
        clients = {
            name: await stack.enter_async_context(user(both[turn % 2], name))
            for turn, name in enumerate(NAMES)
        }
        inboxes = {n: stack.enter_context(client.inbox()) for n, client in clients.items()}
        yield House(both, clients, inboxes, {name: [] for name in NAMES})


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as house:
        yield house


async def test_a_group_is_announced_to_its_members_with_a_note(house: House) -> None:
    asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["BOB", "carol"])
    reply = await house["alice"].call(asked)
    group = reply.conversation
    assert (reply.created, group.title, group.conversation_type) == (True, "Tea", "group")
    roles = {member.username: member.role for member in group.members}
    assert roles == {"alice": "owner", "bob": "member", "carol": "member"}
    for name in ("alice", "bob", "carol"):
        news = await house.told(name, ConversationCreated)
        assert news == ConversationCreated(conversation=group, user_rev=1)
        assert await house.history(name, group.conversation_id) == [group.last_message]
    note = group.last_message
    assert note is not None
    assert (note.seq, note.rev, note.message_type) == (1, 1, "system")
    assert (note.content, note.sender_id) == ("alice opened the group.", house.id("alice"))
    assert note.note is not None
    assert note.note.kind == "created"
    assert {person.user_id for person in note.note.people} == {house.id("bob"), house.id("carol")}
    assert note.note.owner_id == house.id("alice")
    assert (await house["dave"].call(ListConversations())).conversations == []


async def test_a_group_is_opened_once_however_often_it_is_asked_for(
    house: House, pg: asyncpg.Connection
) -> None:
    asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob"])
    replies = await asyncio.gather(*(house["alice"].call(asked) for _ in range(5)))
    assert sorted(reply.created for reply in replies) == [False] * 4 + [True]
    assert len({reply.conversation.model_dump_json() for reply in replies}) == 1
    for other in ({"title": "Coffee"}, {"usernames": ["carol"]}):
        again = asked.model_copy(update=other)
        assert await house.refused("alice", again) == "conflict conversation_id"
    assert await house.refused("bob", asked.model_copy(update={"usernames": ["alice"]})) == (
        "conflict conversation_id"
    )
    assert await pg.fetchval("select count(*) from messages") == 1
    assert await pg.fetchval("select count(*) from user_events where event_type ~ '^conv'") == 2


async def test_who_has_left_learns_nothing_more_by_opening_it_again(house: House) -> None:
    asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob"])
    await house["alice"].call(asked)
    await house.remove(asked.conversation_id, "alice", by="alice")
    await house.add(asked.conversation_id, "carol", by="bob")
    assert await house.refused("alice", asked) == "not_found conversation_id"


async def test_the_id_of_a_direct_conversation_is_taken(house: House) -> None:
    taken = await open_conversation(house["alice"], "bob")
    asked = CreateGroup(conversation_id=taken, title="Tea", usernames=["bob"])
    assert await house.refused("alice", asked) == "conflict conversation_id"


async def test_whom_there_is_not_nobody_brings_in(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    for names in (["nobody"], ["carol", "nobody"]):
        create = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=names)
        assert await house.refused("alice", create) == "not_found usernames"
        add = AddMembers(conversation_id=group, usernames=names, op_id=uuid7())
        assert await house.refused("alice", add) == "not_found usernames"
    assert await pg.fetchval("select count(*) from conversations") == 1
    assert await house.roles(group) == {"alice": "owner", "bob": "member"}


@pytest.mark.parametrize("who", ["alice", "carol"])
async def test_who_has_blocked_or_is_blocked_is_not_brought_in(
    house: House, pg: asyncpg.Connection, who: str
) -> None:
    group = await house.group("bob")
    (other,) = {"alice", "carol"} - {who}
    await pg.execute(
        "insert into follows (follower_id, following_id, connection_type)"
        " values ($1, $2, 'blocked')",
        house.id(who),
        house.id(other),
    )
    create = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["carol"])
    assert await house.refused("alice", create) == "not_found usernames"
    add = AddMembers(conversation_id=group, usernames=["carol"], op_id=uuid7())
    assert await house.refused("alice", add) == "not_found usernames"


async def test_who_comes_is_told_and_sees_what_follows(house: House) -> None:
    group = await house.group("bob")
    await say(house["alice"], group, "before carol")
    changed = await house.add(group, "Carol", "bob")
    assert changed == MembersChanged(user_ids=[house.id("carol")], seq=3, rev=3)
    news = await house.told("carol", ConversationJoined)
    assert isinstance(news, ConversationJoined)
    assert (news.user_rev, news.conversation) == (1, await house.seen("carol", group))
    await say(house["bob"], group, "hello carol")
    assert await house.said("carol", group) == ["alice added carol.", "hello carol"]
    page = await house["carol"].call(SyncConversation(conversation_id=group, after_rev=0))
    assert [message.seq for message in page.messages] == [3, 4]
    assert (page.from_rev, page.to_rev, page.last_rev) == (0, 4, 4)
    for name in ("alice", "bob", "carol"):
        live = await house.told(name, MessageCreated)
        while isinstance(live, MessageCreated) and live.message.seq < 3:
            live = await house.told(name, MessageCreated)
        assert isinstance(live, MessageCreated)
        assert live.message.note == Note(kind="added", people=[house.person("carol")])


async def test_many_who_come_are_counted_and_not_named(house: House) -> None:
    names = [f"guest{number}" for number in range(4)]
    await register(house.nodes[0], *names)
    group = await house.group("bob")
    await house.add(group, *names)
    await house.add(group, "carol", "dave")
    assert (await house.said("alice", group))[1:] in (
        ["alice added 4 people.", "alice added carol and dave."],
        ["alice added 4 people.", "alice added dave and carol."],
    )


async def test_who_is_in_it_already_changes_nothing(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    assert await house.add(group, "bob", "alice") == MembersChanged(user_ids=[])
    assert await pg.fetchval("select last_rev from conversations") == 1
    assert await house.roles(group) == {"alice": "owner", "bob": "member"}


async def test_a_retry_gets_the_first_answer_and_another_request_a_conflict(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    add = AddMembers(conversation_id=group, usernames=["carol"], op_id=uuid7())
    first = await asyncio.gather(*(house["alice"].call(add) for _ in range(3)))
    assert first == [MembersChanged(user_ids=[house.id("carol")], seq=2, rev=2)] * 3
    other = add.model_copy(update={"usernames": ["dave"]})
    assert await house.refused("alice", other) == "conflict op_id"
    carol = house.id("carol")
    remove = RemoveMember(conversation_id=group, user_id=carol, op_id=uuid7())
    assert await house["alice"].call(remove) == await house["alice"].call(remove)
    assert await house["alice"].call(add) == first[0], "also when she is gone again"
    assert await house.roles(group) == {"alice": "owner", "bob": "member"}
    assert await pg.fetchval("select last_rev from conversations") == 3


async def test_only_an_owner_or_an_admin_chooses_the_members(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob", "carol")
    add = AddMembers(conversation_id=group, usernames=["dave"], op_id=uuid7())
    remove = RemoveMember(conversation_id=group, user_id=house.id("carol"), op_id=uuid7())
    for asked in (add, remove):
        assert await house.refused("bob", asked) == "forbidden conversation_id"
        assert await house.refused("dave", asked) == "not_found conversation_id"
        nowhere = asked.model_copy(update={"conversation_id": uuid7()})
        assert await house.refused("alice", nowhere) == "not_found conversation_id"
    await promote(pg, house.id("bob"))
    assert (await house["bob"].call(add)).user_ids == [house.id("dave")]
    assert (await house["bob"].call(remove)).user_ids == [house.id("carol")]


async def promote(pg: asyncpg.Connection, user_id: UUID) -> None:
    """No operation does it yet."""
    changed = await pg.execute(
        "update conversation_participants set role = 'admin' where user_id = $1", user_id
    )
    assert changed == "UPDATE 1"


async def test_an_owner_is_sent_away_by_nobody(house: House, pg: asyncpg.Connection) -> None:
    group = await house.group("bob")
    await promote(pg, house.id("bob"))
    remove = RemoveMember(conversation_id=group, user_id=house.id("alice"), op_id=uuid7())
    assert await house.refused("bob", remove) == "forbidden user_id"
    assert await house.roles(group) == {"alice": "owner", "bob": "admin"}
    assert await pg.fetchval("select last_rev from conversations") == 1


async def test_direct_conversations_stay_between_two(house: House) -> None:
    direct = await open_conversation(house["alice"], "bob")
    add = AddMembers(conversation_id=direct, usernames=["carol"], op_id=uuid7())
    assert await house.refused("alice", add) == "forbidden conversation_id"
    for name in ("alice", "bob"):
        leave = RemoveMember(conversation_id=direct, user_id=house.id(name), op_id=uuid7())
        assert await house.refused("alice", leave) == "forbidden conversation_id"


async def test_who_is_not_in_it_is_not_sent_away(house: House) -> None:
    group = await house.group("bob")
    assert await house.remove(group, "dave") == MembersChanged(user_ids=[])


async def test_who_is_sent_away_is_told_so_and_nothing_more(house: House) -> None:
    group = await house.group("bob", "carol")
    changed = await house.remove(group, "bob")
    assert changed == MembersChanged(user_ids=[house.id("bob")], seq=2, rev=2)
    news = await house.told("bob", ConversationLeft)
    assert news.model_dump(exclude={"user_rev"}) == {"conversation_id": group, "rev": 2}
    await say(house["carol"], group, "without bob")
    for asked in (
        ReadHistory(conversation_id=group),
        SyncConversation(conversation_id=group, after_rev=0),
    ):
        assert await house.refused("bob", asked) == "not_found conversation_id"
    assert (await house["bob"].call(ListConversations())).conversations == []
    # What is told last is the sign that nothing of the group is on its way any more.
    direct = await open_conversation(house["alice"], "bob")
    while isinstance(news := await house.told("bob", ConversationCreated), ConversationCreated):
        if news.conversation.conversation_id == direct:
            break
    came = [news.message.seq for news in house.passed["bob"] if isinstance(news, MessageCreated)]
    assert came == [1]
    assert await house.said("alice", group) == [
        "alice opened the group.",
        "alice removed bob.",
        "without bob",
    ]


async def test_who_leaves_is_not_asked_why(house: House) -> None:
    group = await house.group("bob", "carol")
    await house.remove(group, "bob", by="bob")
    assert await house.said("carol", group) == ["alice opened the group.", "bob left."]
    note = (await house.history("carol", group))[-1]
    assert note.note == Note(kind="left", people=[house.person("bob")])
    assert note.sender_id == house.id("bob")


@pytest.mark.parametrize(("admin", "heir"), [(None, "bob"), ("dave", "dave")])
async def test_a_group_never_lacks_an_owner(
    house: House, pg: asyncpg.Connection, admin: str | None, heir: str
) -> None:
    """An admin, else who has been there longest."""
    group = await house.group("bob")
    await house.add(group, "carol")
    await house.add(group, "dave")
    if admin:
        await promote(pg, house.id(admin))
    await house.remove(group, "alice", by="alice")
    expected = dict.fromkeys(("bob", "carol", "dave"), "member") | {heir: "owner"}
    assert await house.roles(group, as_seen_by="bob") == expected


async def test_the_last_one_leaves_a_group_that_nobody_sees(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    await house.remove(group, "bob", by="bob")
    await house.remove(group, "alice", by="alice")
    assert await pg.fetchval("select count(*) from conversation_participants") == 0
    assert (await house["alice"].call(ListConversations())).conversations == []


async def away_for_a_while(house: House) -> tuple[UUID, Message]:
    """A group in which something was said while bob was not a member; and what that was."""
    group = await house.group("bob", "carol")
    await say(house["alice"], group, "with bob")
    await house.remove(group, "bob")
    await say(house["carol"], group, "without bob")
    (said,) = (await house.history("carol", group))[-1:]
    await house.add(group, "bob")
    await say(house["alice"], group, "with bob again")
    return group, said


async def test_who_comes_back_sees_what_was_said_while_they_were_there(house: House) -> None:
    group, _ = await away_for_a_while(house)
    with_bob = [
        "alice opened the group.",
        "with bob",
        "alice added bob.",
        "with bob again",
    ]
    assert await house.said("bob", group) == with_bob
    page = await house["bob"].call(SyncConversation(conversation_id=group, after_rev=0))
    assert [message.content for message in page.messages] == with_bob
    assert (page.to_rev, page.last_rev) == (6, 6)
    asked = SyncConversation(conversation_id=group, after_rev=2, limit=2)
    page = await house["bob"].call(asked)
    assert (page.messages, page.to_rev, page.last_rev) == ([], 4, 6), "revs are covered"
    for asked_history, seqs in (
        (ReadHistory(conversation_id=group, before_seq=5, limit=1), [2]),
        (ReadHistory(conversation_id=group, after_seq=2, limit=1), [5]),
    ):
        found = (await house["bob"].call(asked_history)).messages
        assert [message.seq for message in found] == seqs


async def test_a_change_of_what_one_may_not_see_is_nothing_but_a_number(house: House) -> None:
    group, hidden = await away_for_a_while(house)
    where = {"conversation_id": group, "message_id": hidden.message_id}
    await say(house["carol"], group, "the last before")
    await house.heard_of("bob", "the last before")
    heard = house.overheard("bob")
    edit = EditMessage(op_id=uuid7(), base_rev=hidden.rev, content="of bob", **where)
    edited = await house["carol"].call(edit)
    deleted = await house["carol"].call(DeleteMessage(op_id=uuid7(), **where))
    for rev in (edited.rev, deleted.rev):
        seen = await house.told("alice", MessageChanged)
        assert isinstance(seen, MessageChanged)
        assert seen.message.rev == rev
    page = await house["bob"].call(SyncConversation(conversation_id=group, after_rev=7))
    assert (page.messages, page.to_rev, page.last_rev) == ([], deleted.rev, deleted.rev)
    await say(house["carol"], group, "seen by all")
    await house.told("bob", MessageCreated)
    assert heard[:2] == [
        ConversationVoid(conversation_id=group, rev=rev) for rev in (edited.rev, deleted.rev)
    ]
    assert len(heard) == 3


async def test_the_newest_message_of_the_list_is_one_that_may_be_seen(
    house: House, pg: asyncpg.Connection
) -> None:
    group = await house.group("bob")
    last = (await house.seen("bob", group)).last_message
    assert last is not None
    await pg.execute(
        "update membership_intervals set from_seq = 2 where user_id = $1", house.id("bob")
    )
    assert (await house.seen("bob", group)).last_message is None
    assert (await house.seen("alice", group)).last_message == last


async def test_a_note_is_neither_edited_nor_deleted(house: House) -> None:
    group = await house.group("bob")
    (note,) = await house.history("alice", group)
    where = {"conversation_id": group, "message_id": note.message_id}
    edit = EditMessage(op_id=uuid7(), base_rev=1, content="nobody opened it", **where)
    for asked in (edit, DeleteMessage(op_id=uuid7(), **where)):
        assert await house.refused("alice", asked) == "forbidden message_id"
    assert await house.history("alice", group) == [note]


async def test_a_group_has_no_more_members_than_allowed(
    house: House, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumina_rt.access.MAX_MEMBERS", 3)
    group = await house.group("bob")
    add = AddMembers(conversation_id=group, usernames=["carol", "dave"], op_id=uuid7())
    assert await house.refused("alice", add) == "invalid usernames"
    await house.add(group, "carol")
    names = ["bob", "carol", "dave"]
    create = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=names)
    assert await house.refused("alice", create) == "invalid usernames"
    assert await pg.fetchval("select count(*) from conversation_participants") == 3
