"""Pins: who sets them, how many, and that all devices follow."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import ReadHistory
from lumina_protocol.pins import ListPins, PinKept, PinMessage, UnpinMessage

from lumina_rt.client import Client
from tests.e2e.test_resume import cut
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import House, house, id_of, until_rev
from tests.handlers.test_sending import BLOCK, held
from tests.house import open_conversation, say, user
from tests.oracle import oracle

__all__ = ["house"]


def pin(house: House, message_id: UUID | None = None, op_id: UUID | None = None) -> PinMessage:
    return PinMessage(
        conversation_id=house.group,
        message_id=message_id or house.message_id,
        op_id=op_id or uuid7(),
    )


def unpin(house: House) -> UnpinMessage:
    return UnpinMessage(**house.name, op_id=uuid7())


async def pinned(house: House, client: Client, **where: int) -> list[str]:
    page = await client.call(ListPins(conversation_id=house.group, **where))
    return [pin.message.content for pin in page.pins]


async def test_a_pin_is_set_and_taken_away_and_all_devices_follow(house: House) -> None:
    async with oracle(*house.all):
        first = await house.alice.call(pin(house))
        assert first == PinKept(message_id=house.message_id, seq=2, rev=3, changed=True)
        (listed,) = (await house.bob.call(ListPins(conversation_id=house.group))).pins
        assert listed.message == await house.message()
        assert listed.pinned_by == id_of(house.alice)
        assert (await house.message()).pinned_at is not None
        again = await house.alice_too.call(pin(house))
        assert (again.rev, again.changed) == (3, False)
        await house.alice_too.call(unpin(house))
    assert await pinned(house, house.carol) == []
    assert (await house.message()).pinned_at is None
    async with oracle(*house.all):
        gone = await house.alice.call(unpin(house))
        assert (gone.rev, gone.changed) == (4, False)


async def test_a_late_retry_does_not_pin_again(house: House) -> None:
    async with oracle(*house.all):
        asked = pin(house)
        first = await house.alice.call(asked)
        await house.alice.call(unpin(house))
        assert await house.alice_too.call(asked) == first
    assert await pinned(house, house.bob) == []


async def test_who_may_pin_and_what(house: House, pg: asyncpg.Connection) -> None:
    note = (await house.bob.call(ReadHistory(conversation_id=house.group))).messages[0]
    async with user(house.nodes[0], "mallory") as mallory, oracle(*house.all, mallory):
        assert await refused(house.bob, pin(house)) == "forbidden conversation_id"
        assert await refused(house.bob, unpin(house)) == "forbidden conversation_id"
        assert await refused(house.alice, pin(house, note.message_id)) == "forbidden message_id"
        assert await refused(house.alice, pin(house, uuid7())) == "not_found message_id"
        listing = ListPins(conversation_id=house.group)
        for asked in (pin(house), unpin(house), listing):
            assert await refused(mallory, asked) == "not_found conversation_id"
    await pg.execute(
        "update conversation_participants set role = 'admin' where user_id = $1", id_of(house.bob)
    )
    assert (await house.bob.call(pin(house))).changed


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_both_pin_in_a_direct_conversation_until_one_blocks(
    house: House, pg: asyncpg.Connection, blocker: str
) -> None:
    house.group = await open_conversation(house.alice, "bob")
    house.message_id = (await say(house.alice, house.group, "hello")).message_id
    async with oracle(house.alice, house.bob):
        assert (await house.bob.call(pin(house))).changed
        assert (await house.alice.call(unpin(house))).changed
        assert (await house.alice.call(pin(house))).changed
    await pg.execute(BLOCK, blocker, "bob" if blocker == "alice" else "alice")
    async with oracle(house.alice, house.bob):
        assert await refused(house.bob, pin(house)) == "blocked"
        assert (await house.bob.call(unpin(house))).changed


async def test_a_deleted_message_loses_its_pin(house: House, pg: asyncpg.Connection) -> None:
    async with oracle(*house.all):
        await house.alice.call(pin(house))
        await house.alice.call(house.delete())
        assert await refused(house.alice, pin(house)) == "gone message_id"
        assert await refused(house.alice, unpin(house)) == "gone message_id"
    assert await pinned(house, house.bob) == []
    assert await pg.fetchval("select count(*) from message_pins") == 0


async def test_a_conversation_has_fifty_pins_at_most(house: House, pg: asyncpg.Connection) -> None:
    sent = [await say(house.alice, house.group, str(n)) for n in range(51)]
    for one in sent[:49]:
        await house.alice.call(pin(house, one.message_id))
    last = [pin(house, one.message_id) for one in sent[49:]]
    async with oracle(*house.all), user(house.nodes[1], "alice") as tablet:
        async with held(pg, house.group, writers=2):
            devices = zip((house.alice, tablet), last, strict=True)
            tasks = [asyncio.create_task(device.call(asked)) for device, asked in devices]
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(map(kind, results)) == ["changed", "invalid"]
    assert await pg.fetchval("select count(*) from message_pins") == 50
    page = await house.bob.call(ListPins(conversation_id=house.group, limit=30))
    rest = await house.bob.call(
        ListPins(conversation_id=house.group, before_seq=page.pins[-1].message.seq)
    )
    seqs = [one.message.seq for one in [*page.pins, *rest.pins]]
    assert (len(page.pins), page.more, len(rest.pins), rest.more) == (30, True, 20, False)
    assert seqs == sorted(seqs, reverse=True)


def kind(result: PinKept | BaseException) -> str:
    return "changed" if isinstance(result, PinKept) else str(result).split(":", maxsplit=1)[0]


async def test_who_came_later_sees_no_pins_of_before(house: House) -> None:
    await house.alice.call(pin(house))
    await house.remove(house.carol)
    between = await say(house.alice, house.group, "between")
    await house.alice.call(pin(house, between.message_id))
    await house.add("carol")
    async with oracle(*house.all):
        assert await pinned(house, house.carol) == ["hello"]
        assert await pinned(house, house.bob) == ["between", "hello"]


async def test_an_admin_takes_away_also_the_pin_of_what_they_do_not_see(
    house: House, pg: asyncpg.Connection
) -> None:
    await house.alice.call(pin(house))
    unpinned = await say(house.alice, house.group, "not pinned")
    await house.add("mallory")
    admin = "update conversation_participants set role = 'admin' where role = 'member'"
    await pg.execute(admin)
    async with user(house.nodes[1], "mallory") as mallory, oracle(*house.all, mallory):
        assert await refused(mallory, pin(house)) == "not_found message_id"
        gone = await mallory.call(asked := unpin(house))
        assert (gone.message_id, gone.changed) == (house.message_id, True)
        assert await mallory.call(asked) == gone
        assert await pinned(house, house.alice) == []
        assert await refused(mallory, unpin(house)) == "not_found message_id"
        house.message_id = unpinned.message_id
        assert await refused(mallory, unpin(house)) == "not_found message_id"


async def test_who_was_away_is_told_of_the_pin(house: House) -> None:
    async with oracle(*house.all):
        with house.bob.inbox() as inbox:
            cut(house.nodes[1])
            await house.alice.call(pin(house))
            changes = await until_rev(inbox, 3)
    assert changes[-1].pinned_at is not None
