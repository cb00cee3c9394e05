"""Calm mode: what is held back from those who have it on, and that nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import MemberTyping, TellTyping
from lumina_protocol.fields import uuid7
from lumina_protocol.presence import PresenceChanged, WatchPresence
from lumina_protocol.receipts import ReadConversation, Receipt, ReceiptsTold
from lumina_protocol.settings import ChangeSettings, SettingsChanged

from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.config import Settings
from tests.handlers.test_members import LIMIT_S, House, opened
from tests.handlers.test_presence import ids
from tests.house import register, say, user
from tests.oracle import oracle

HELD = MemberTyping, ReceiptsTold, PresenceChanged


@asynccontextmanager
async def calm_house(settings: Settings, calm_s: float) -> AsyncIterator[tuple[House, UUID]]:
    """All of them and erin, who is not connected, are in a group."""
    changed = settings.model_copy(update={"calm_s": calm_s, "presence_linger_s": 0})
    async with opened(changed) as house:
        await register(house.nodes[0], "erin")
        yield house, await house.group("bob", "carol", "dave", "erin")


async def set_calm(house: House, *, on: bool) -> None:
    """Whoever has been told of it has it."""
    await house["alice"].call(ChangeSettings(op_id=uuid7(), calm_mode=on))
    await house.told("alice", SettingsChanged)


async def read(house: House, group: UUID, seq: int, by: str = "bob") -> None:
    await house[by].call(ReadConversation(conversation_id=group, seq=seq))


def held(heard: list[object]) -> list[object]:
    return [news for news in heard if isinstance(news, HELD)]


async def test_what_is_held_back_is_told_at_once_when_calm_mode_ends(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with calm_house(settings, 300) as (house, group), oracle(house["alice"], house["carol"]):
        watched = (await ids(pg))["erin"]
        for name in ("alice", "carol"):
            await house[name].call(WatchPresence(user_ids=[watched]))
        await set_calm(house, on=True)
        of_alice, of_carol = house.overheard("alice"), house.overheard("carol")
        async with user(house.nodes[1], "erin"):
            await house.told("carol", PresenceChanged)
            await house["bob"].call(TellTyping(conversation_id=group))
            for number in (1, 2, 3):
                await read(house, group, number)
                await say(house["bob"], group, str(number))
            await read(house, group, 4, by="dave")
            for name in ("alice", "carol"):
                await house.heard_of(name, "3")
            assert held(of_alice) == []
            told = [type(news) for news in held(of_carol)]
            assert told.count(ReceiptsTold) >= 3
            assert told.count(MemberTyping) == 1
            await set_calm(house, on=False)
            (receipts,) = [await house.told("alice", ReceiptsTold)]
            online = await house.told("alice", PresenceChanged)
        assert isinstance(receipts, ReceiptsTold)
        positions = [
            Receipt(user_id=house.id(name), delivered_seq=seq, read_seq=seq)
            for name, seq in (("bob", 3), ("dave", 4))
        ]
        assert receipts.receipts == positions
        assert isinstance(online, PresenceChanged)
        assert (online.user_id, online.state) == (watched, "online")
        assert [type(news) for news in held(of_alice)] == [ReceiptsTold, PresenceChanged]


async def test_in_calm_mode_one_is_told_once_in_a_while(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    """Also on a node that has learned of it when they came."""
    async with calm_house(settings, 0.2) as (house, group):
        await set_calm(house, on=True)
        async with user(house.nodes[1], "alice") as there, oracle(house["alice"], there):
            async with asyncio.timeout(LIMIT_S):
                while house.id("alice") not in house.nodes[1].calm.users:
                    await asyncio.sleep(0)
            with there.inbox() as inbox:
                await house["bob"].call(TellTyping(conversation_id=group))
                await read(house, group, 1)
                await there.call(WatchPresence(user_ids=[house.id("bob")]))
                async with asyncio.timeout(LIMIT_S):
                    async for news in inbox:
                        assert not isinstance(news, MemberTyping)
                        if isinstance(news, ReceiptsTold):
                            break
            await house.told("alice", ReceiptsTold)
            await house["alice"].call(WatchPresence(user_ids=[(await ids(pg))["erin"]]))
            async with user(house.nodes[1], "erin"):
                came = await house.told("alice", PresenceChanged)
            assert isinstance(came, PresenceChanged)
            assert came.state == "online"


async def test_of_a_group_that_one_has_left_nothing_is_told_later(settings: Settings) -> None:
    async with calm_house(settings, 300) as (house, group):
        other = await house.group("bob", by="alice")
        await set_calm(house, on=True)
        heard = house.overheard("alice")
        await read(house, group, 1)
        await read(house, other, 1)
        await say(house["bob"], group, "read")
        await house.heard_of("alice", "read")
        await house.remove(group, "alice", by="alice")
        await set_calm(house, on=False)
        told = await house.told("alice", ReceiptsTold)
        assert isinstance(told, ReceiptsTold)
        assert told.conversation_id == other
        assert held(heard) == [told]


async def test_an_older_receipt_that_comes_late_does_not_take_the_place_of_a_newer_one(
    settings: Settings,
) -> None:
    """As when two nodes tell of one reader: their streams are read side by side."""
    async with calm_house(settings, 300) as (house, group):
        await set_calm(house, on=True)
        for text in ("one", "two"):
            await say(house["bob"], group, text)
        await read(house, group, 3, by="dave")
        await say(house["dave"], group, "read")
        await house.heard_of("alice", "read")
        late = Receipt(user_id=house.id("dave"), delivered_seq=2, read_seq=1)
        told = ReceiptsTold(conversation_id=group, receipts=[late])
        house.nodes[0].calm.passing(Delivery(keys([house.id("alice")]), MSGPACK.event(told)))
        await set_calm(house, on=False)
        receipts = await house.told("alice", ReceiptsTold)
        assert isinstance(receipts, ReceiptsTold)
        assert receipts.receipts == [Receipt(user_id=house.id("dave"), delivered_seq=3, read_seq=3)]
