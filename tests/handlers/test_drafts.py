"""Drafts: on all devices of who writes them, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from lumina_protocol.drafts import Draft, DraftChanged, ListDrafts, SetDraft
from lumina_protocol.fields import uuid7
from lumina_protocol.hides import HideMessages
from lumina_protocol.members import RemoveMember

from lumina_rt.client import Client
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_blocks import refused, until
from tests.handlers.test_message_reactions import House, house, id_of
from tests.house import open_conversation, say, user
from tests.oracle import oracle

__all__ = ["house"]
NOBODYS = "select count(*) from conversation_drafts"
TOLD = "select count(*) from user_events where event_type = 'draft.changed'"


def draft(house: House, content: str, **more: Any) -> SetDraft:
    asked = {"conversation_id": house.group, "op_id": uuid7(), "content": content, **more}
    return SetDraft.model_validate(asked)


async def drafts(client: Client) -> list[Draft]:
    return (await client.call(ListDrafts())).drafts


async def contents(client: Client) -> list[str]:
    return [one.content for one in await drafts(client)]


async def test_a_draft_is_on_all_devices_of_its_user_and_nowhere_else(house: House) -> None:
    async with oracle(*house.all):
        with house.bob.inbox() as inbox:
            asked = draft(house, "dear b", reply_to=house.message_id)
            assert (await house.alice.call(asked)).changed
            (found,) = await drafts(house.alice_too)
            assert found == Draft(
                conversation_id=house.group,
                content="dear b",
                reply_to=house.message_id,
                updated_at=found.updated_at,
            )
            await say(house.alice, house.group, "fence")
            assert not [n for n in await until(inbox, "fence") if isinstance(n, DraftChanged)]
        assert await contents(house.bob) == []
        assert await drafts(house.alice_too) == [found], "sending does not touch it"
    async with oracle(*house.all):
        assert (await house.alice_too.call(draft(house, "dear bob"))).changed
        (found,) = await drafts(house.alice)
        assert (found.content, found.reply_to) == ("dear bob", None)
        assert (await house.bob.call(draft(house, "dear a"))).changed
        assert (await house.alice.call(draft(house, ""))).changed
        assert await contents(house.alice_too) == []
        assert await contents(house.bob) == ["dear a"]


async def test_what_is_so_already_and_a_retry_are_told_to_nobody(
    house: House, pg: asyncpg.Connection
) -> None:
    async with oracle(*house.all):
        assert not (await house.alice.call(draft(house, ""))).changed
        first = draft(house, "one")
        assert (await house.alice.call(first)).changed
        assert not (await house.alice_too.call(draft(house, "one"))).changed
        assert (await house.alice.call(draft(house, "one", reply_to=house.message_id))).changed
        assert (await house.alice_too.call(first)).changed, "the answer to the first try"
    (found,) = await drafts(house.alice)
    assert found.reply_to == house.message_id, "a late retry does not bring back what it was"
    assert await pg.fetchval(TOLD) == 2


async def test_two_devices_at_once_end_with_the_same(house: House) -> None:
    async with oracle(*house.all):
        await asyncio.gather(
            *(house.alice.call(draft(house, f"here {n}" if n % 3 else "")) for n in range(12)),
            *(house.alice_too.call(draft(house, f"there {n}" if n % 4 else "")) for n in range(12)),
        )
        assert await drafts(house.alice) == await drafts(house.alice_too)


async def test_who_is_away_is_told_when_they_are_back(house: House) -> None:
    async with oracle(*house.all):
        with house.alice_too.inbox() as inbox:
            cut(house.nodes[1])
            await house.alice.call(draft(house, "while away"))
            await house.alice.call(draft(house, "and again"))
            await connected_again(inbox)
    assert await contents(house.alice_too) == ["and again"]


async def test_who_goes_or_is_sent_away_has_no_draft_there(
    house: House, pg: asyncpg.Connection
) -> None:
    for client in (house.bob, house.carol, house.alice):
        await client.call(draft(house, "for the group"))
    async with oracle(*house.all):
        await house.remove(house.bob)
        leave = RemoveMember(conversation_id=house.group, user_id=id_of(house.carol), op_id=uuid7())
        await house.carol.call(leave)
        assert await contents(house.bob) == await contents(house.carol) == []
        assert await refused(house.bob, draft(house, "more")) == "not_found conversation_id"
    await house.add("bob")
    assert await contents(house.bob) == []
    assert await pg.fetchval(NOBODYS) == 1


async def test_a_draft_on_its_way_when_one_is_sent_away_does_not_stay(
    house: House, pg: asyncpg.Connection
) -> None:
    """The removal waits for what the draft has locked, or the draft finds no member."""
    for _ in range(5):
        await asyncio.gather(
            house.remove(house.bob),
            house.bob.call(draft(house, "on its way")),
            return_exceptions=True,
        )
        assert await pg.fetchval(NOBODYS) == 0
        await house.add("bob")


async def test_what_cannot_be_kept_is_refused(house: House) -> None:
    other = await open_conversation(house.alice, "carol")
    elsewhere = (await say(house.alice, other, "there")).message_id
    hidden = (await say(house.carol, house.group, "not for alice")).message_id
    gone = HideMessages(conversation_id=house.group, op_id=uuid7(), message_ids=[hidden])
    await house.alice.call(gone)
    async with oracle(*house.all):
        for name in (elsewhere, hidden, uuid7()):
            asked = draft(house, "to what", reply_to=name)
            assert await refused(house.alice, asked) == "not_found reply_to"
        stranger = draft(house, "hello", conversation_id=uuid7())
        assert await refused(house.alice, stranger) == "not_found conversation_id"
        used = draft(house, "one")
        await house.alice.call(used)
        again = draft(house, "two", op_id=used.op_id)
        assert await refused(house.alice, again) == "conflict op_id"
    async with user(house.nodes[0], "mallory") as mallory:
        assert await refused(mallory, draft(house, "mine")) == "not_found conversation_id"
    assert await contents(house.alice) == ["one"]


async def test_many_are_read_by_pages_which_long_ones_make_shorter(
    house: House, pg: asyncpg.Connection
) -> None:
    added = """
    with talks as (insert into conversations (conversation_id, conversation_type)
                   select gen_random_uuid(), 'group' from generate_series(1, 60)
                   returning conversation_id)
    insert into conversation_drafts (conversation_id, user_id, content)
    select conversation_id, $1, repeat('x', 4000) from talks"""
    await pg.execute(added, id_of(house.alice))
    found: list[UUID] = []
    pages = 0
    while True:
        after = found[-1] if found else None
        page = await house.alice.call(ListDrafts(after=after, limit=100))
        found += [one.conversation_id for one in page.drafts]
        pages += 1
        if not page.more:
            break
    assert (len(found), found, pages) == (60, sorted(found), 2)
    assert len((await house.alice.call(ListDrafts(limit=7))).drafts) == 7
