"""Preferences: mute, archive, pin and mark a conversation; the list that shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.conversations import ListConversations
from lumina_protocol.drafts import SetDraft
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.hides import HideMessages
from lumina_protocol.members import RemoveMember
from lumina_protocol.preferences import (
    MAX_PINNED,
    MarkUnread,
    Preferences,
    PreferencesKept,
    SetPreferences,
)

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.handlers.test_blocks import refused
from tests.handlers.test_receipts import (
    House,
    counts,
    house,
    id_of,
    listed,
    open_group,
    read,
)
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle

assert house  # a fixture
FAR_MS = 4_000_000_000_000


async def set_own(client: Client, conversation_id: UUID, **changes: Any) -> PreferencesKept:
    asked = {"conversation_id": conversation_id, "op_id": uuid7(), **changes}
    return await client.call(SetPreferences.model_validate(asked))


async def ids(client: Client, **asked: Any) -> list[UUID]:
    page = await client.call(ListConversations(limit=40, **asked))
    return [conversation.conversation_id for conversation in page.conversations]


async def test_what_is_given_is_set_for_oneself_only_and_told_to_ones_devices(
    house: House,
) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await say(house.bob, conversation, "one")
    steps: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"muted_until": FAR_MS}, {"muted_until": FAR_MS}),
        ({"muted_until": "forever"}, {"muted_until": "forever"}),
        ({"archived": True}, {"archived_seq": 1}),
        ({"muted_until": 0}, {"muted_until": None}),
        ({"archived": False}, {"archived_seq": None}),
    ]
    async with oracle(house.alice, house.alice_too, house.bob):
        expected = Preferences()
        for asked, changes in steps:
            assert (await set_own(house.alice, conversation, **asked)).changed
            expected = expected.model_copy(update=changes)
            assert (await listed(house.alice_too, conversation)).preferences == expected
            assert not (await set_own(house.alice_too, conversation, **asked)).changed
        assert (await set_own(house.alice, conversation, pinned=True)).changed
        assert (await listed(house.alice_too, conversation)).preferences.pinned_at
        assert (await set_own(house.alice, conversation, pinned=False)).changed
        assert not (await set_own(house.alice, conversation)).changed
        assert (await listed(house.bob, conversation)).preferences == Preferences()


async def test_an_archived_conversation_comes_back_with_a_message_unless_it_is_muted(
    house: House,
) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await say(house.bob, conversation, "one")
    async with oracle(house.alice, house.alice_too):
        await set_own(house.alice, conversation, archived=True)
        assert await ids(house.alice, archived=True) == [conversation]
        assert await ids(house.alice, archived=False) == []
        await say(house.bob, conversation, "two")
        assert await ids(house.alice, archived=True) == []
        assert await ids(house.alice, archived=False) == [conversation]
        await set_own(house.alice, conversation, archived=True, muted_until="forever")
        await say(house.bob, conversation, "three")
        assert await ids(house.alice, archived=True) == [conversation]
        assert await ids(house.alice) == [conversation]


async def test_muted_and_archived_conversations_are_not_part_of_the_total(house: House) -> None:
    direct = await open_conversation(house.alice, "bob")
    group = await open_group(house.carol, "alice", "bob")
    for conversation in (direct, group, group):
        await say(house.bob, conversation, "hello")
    assert (await counts(house.alice)).total == 3
    await set_own(house.alice, group, muted_until=FAR_MS)
    assert (await counts(house.alice)).total == 1
    await set_own(house.alice, group, muted_until=1)
    assert (await counts(house.alice)).total == 3
    await set_own(house.alice, group, archived=True)
    found = await counts(house.alice)
    assert found.total == 1
    assert {one.conversation_id: (one.unread, one.silent) for one in found.conversations} == {
        direct: (1, False),
        group: (2, True),
    }


async def test_what_is_marked_unread_is_so_until_it_is_read(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    await say(house.bob, conversation, "one")
    await read(house.alice, conversation, 1)
    async with oracle(house.alice, house.alice_too, house.bob):
        mark = MarkUnread(conversation_id=conversation, op_id=uuid7())
        for _ in range(2):
            assert (await house.alice.call(mark)).changed
        again = MarkUnread(conversation_id=conversation, op_id=uuid7())
        assert not (await house.alice_too.call(again)).changed
        found = await listed(house.alice_too, conversation)
        assert (found.preferences.marked_unread, found.unread, found.read_seq) == (True, 0, 1)
        assert (await counts(house.alice)).total == 1
    async with oracle(house.alice, house.alice_too, house.bob):
        await read(house.alice_too, conversation, 1)
        assert not (await listed(house.alice, conversation)).preferences.marked_unread
        assert (await counts(house.alice)).total == 0


async def test_to_mark_and_to_read_at_once_ends_the_same_everywhere(house: House) -> None:
    conversation = await open_conversation(house.alice, "bob")
    for number in range(10):
        await say(house.bob, conversation, str(number))
    async with oracle(house.alice, house.alice_too):
        await asyncio.gather(
            *(read(house.alice, conversation, seq) for seq in range(1, 11)),
            *(
                house.alice_too.call(MarkUnread(conversation_id=conversation, op_id=uuid7()))
                for _ in range(10)
            ),
        )


async def test_who_has_left_sets_nothing(house: House) -> None:
    group = await open_group(house.alice, "bob")
    leave = RemoveMember(conversation_id=group, user_id=id_of(house.bob), op_id=uuid7())
    await house.bob.call(leave)
    pin = SetPreferences(conversation_id=group, op_id=uuid7(), pinned=True)
    assert await refused(house.bob, pin) == "not_found conversation_id"
    mark = MarkUnread(conversation_id=group, op_id=uuid7())
    assert await refused(house.carol, mark) == "not_found conversation_id"


async def test_at_most_20_are_pinned_also_by_two_devices_at_once(house: House) -> None:
    groups = [await open_group(house.bob, "alice") for _ in range(MAX_PINNED + 2)]
    for group in groups[: MAX_PINNED - 1]:
        await set_own(house.alice, group, pinned=True)
    results = await asyncio.gather(
        set_own(house.alice, groups[-1], pinned=True),
        set_own(house.alice_too, groups[-2], pinned=True),
        return_exceptions=True,
    )
    refusals = [r.body.field for r in results if isinstance(r, LuminaError)]
    assert refusals == ["pinned"]
    assert not (await set_own(house.alice, groups[0], pinned=True)).changed
    pinned = await ids(house.alice, pinned=True)
    assert len(pinned) == MAX_PINNED
    assert pinned[1:] == groups[MAX_PINNED - 2 :: -1]


@pytest.fixture
async def many(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[Client]:
    """alice, with 60 conversations of several days."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            for number in range(60):
                group = await open_group(alice, "bob")
                await pg.execute(
                    "update conversations set updated_at = now() - $2 * interval '7 hours'"
                    " where conversation_id = $1",
                    group,
                    (number * 37) % 60,
                )
            yield alice


async def test_pages_have_all_conversations_once_newest_first(
    many: Client, pg: asyncpg.Connection
) -> None:
    expected = [
        row["conversation_id"]
        for row in await pg.fetch(
            "select conversation_id from conversations order by updated_at desc"
        )
    ]
    # Of some the day is not known, as of those that were there before it was kept.
    await pg.execute(
        "update conversation_participants set active_day = null"
        " where conversation_id = any($1)", expected[7::11],
    )  # fmt: skip
    for limit in (1, 7, 40):
        found: list[UUID] = []
        before = None
        while True:
            page = await many.call(ListConversations(before=before, limit=limit))
            found += [conversation.conversation_id for conversation in page.conversations]
            last = page.conversations[-1]
            before = last.updated_at, last.conversation_id
            if not page.more:
                break
        assert found == expected, limit


async def test_a_message_moves_its_conversation_to_the_front(
    many: Client, pg: asyncpg.Connection
) -> None:
    oldest = await pg.fetchval("select conversation_id from conversations order by updated_at")
    assert (await ids(many))[0] != oldest
    assert await pg.fetchval(
        "select max(active_day) < day_of(to_ms(now())) from conversation_participants"
        " where conversation_id = $1",
        oldest,
    )
    await say(many, oldest, "again")
    assert (await ids(many))[0] == oldest
    days = await pg.fetch(
        "select distinct active_day from conversation_participants where conversation_id = $1",
        oldest,
    )
    assert [row["active_day"] for row in days] == [await pg.fetchval("select day_of(to_ms(now()))")]


async def test_what_is_for_oneself_does_not_stand_in_line_with_what_is_sent(
    house: House, pg: asyncpg.Connection
) -> None:
    talk = await open_conversation(house.alice, "bob")
    sent = await say(house.bob, talk, "one")
    where: dict[str, Any] = {"conversation_id": talk}
    async with oracle(house.alice, house.alice_too, house.bob), pg.transaction():
        await pg.execute("select from conversations for no key update")
        assert (await set_own(house.alice, talk, pinned=True, archived=True)).changed
        assert (await house.alice.call(MarkUnread(op_id=uuid7(), **where))).changed
        draft = SetDraft(op_id=uuid7(), content="well", reply_to=sent.message_id, **where)
        assert (await house.alice.call(draft)).changed
        await read(house.alice, talk, 1)
        hide = HideMessages(op_id=uuid7(), message_ids=[sent.message_id], **where)
        assert len((await house.alice.call(hide)).hidden) == 1
