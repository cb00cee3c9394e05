"""Notifications: grouped, exact, the same on all devices, withdrawn with what has caused them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from lumina_protocol.messages import DeleteMessage, SendMessage
from lumina_protocol.mutes import MuteUser
from lumina_protocol.notifications import (
    CountNotifications,
    DeleteNotifications,
    Level,
    ListGrouped,
    ListNotifications,
    NotificationChanged,
    NotificationGroup,
    NotificationRemoved,
    ReadNotifications,
    SetNotificationLevel,
    Type,
)
from lumina_protocol.post_changes import EditPost
from lumina_protocol.posts import CreatePost, ShownTo
from lumina_protocol.preferences import SetPreferences
from lumina_protocol.receipts import ReadConversation
from lumina_protocol.settings import ChangeSettings

from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.notifying import Cause, notify, withdraw, withdraw_group
from tests.e2e.test_resume import connected_again, cut
from tests.handlers.test_blocks import refused
from tests.handlers.test_message_reactions import House, id_of
from tests.house import nodes, open_conversation, register, say, user
from tests.oracle import oracle
from tests.workers import rows

CROWD = [f"fan{n}" for n in range(12)]
DRAINED = "select count(*) from notification_causes"


@pytest.fixture
async def house(settings: Settings, pg: asyncpg.Connection) -> AsyncIterator[House]:
    async with nodes(settings, 2, notify_after_s=0.0) as (one, two), AsyncExitStack() as stack:
        await register(one, "alice", "bob", "carol")
        homes = [(one, "alice"), (two, "alice"), (two, "bob"), (one, "carol")]
        clients = [await stack.enter_async_context(user(node, name)) for node, name in homes]
        alice, alice_too, bob, carol = clients
        house = House([one, two], alice, alice_too, bob, carol)
        asked = CreateGroup(conversation_id=uuid7(), title="Tea", usernames=["bob", "carol"])
        await house.alice.call(asked)
        house.group = asked.conversation_id
        house.message_id = (await say(house.alice, house.group, "hello")).message_id
        yield house


async def told(inbox: Inbox, kind: str) -> NotificationGroup | None:
    """What the next event says of a group of this kind; None when it is removed."""
    async with asyncio.timeout(15):
        async for news in inbox:
            match news:
                case NotificationChanged(group=group) if group.group_key.startswith(kind):
                    return group
                case NotificationRemoved(group_keys=keys) if any(k.startswith(kind) for k in keys):
                    return None
    raise AssertionError("an inbox does not end")


async def shown(inbox: Inbox, kind: str, title: str | None) -> NotificationGroup | None:
    """The first that says so; None: that it is removed."""
    while True:
        group = await told(inbox, kind)
        if (group.title if group else None) == title:
            return group


async def listed(client: Client, kind: str = "") -> list[NotificationGroup]:
    page = await client.call(ListNotifications())
    async with asyncio.timeout(
        10
    ):  # the two are asked one after the other, and more may come between
        while (await client.call(CountNotifications())).unread != page.unread:
            page = await client.call(ListNotifications())
    return [group for group in page.groups if group.group_key.startswith(kind)]


async def titles(client: Client, kind: str = "") -> list[str]:
    return [group.title for group in await listed(client, kind)]


async def read(client: Client, *keys: str, upto: int | None = None) -> int:
    asked = ReadNotifications(op_id=uuid7(), group_keys=list(keys), upto=upto)
    return (await client.call(asked)).changed


async def drained(pg: asyncpg.Connection) -> None:
    """All that was caused is told, or nothing."""
    async with asyncio.timeout(15):
        while await pg.fetchval(DRAINED):
            await asyncio.sleep(0.05)


async def strangers(pg: asyncpg.Connection, names: list[str]) -> list[UUID]:
    ids = [uuid7() for _ in names]
    for user_id, name in zip(ids, names, strict=True):
        await rows.add(pg, "users", user_id=user_id, username=name, username_key=name,
                       password_hash="!")  # fmt: skip
    return ids


async def cause(house: House, *, undo: bool = False, node: int = 0, **what: object) -> None:
    """As the domains do it that have no operation yet."""
    made = {"type": "follow", "user_ids": [id_of(house.alice)], "group_key": "follow",
            "title": "followed you", **what}  # fmt: skip
    async with house.nodes[node].services.db.tx() as tx:
        await (withdraw if undo else notify)(tx, Cause(**made))  # type: ignore[arg-type]


async def test_a_reaction_is_told_on_both_devices_and_goes_with_what_caused_it(
    house: House,
) -> None:
    async with oracle(*house.all):
        with house.alice.inbox() as here, house.alice_too.inbox() as there:
            await house.bob.call(house.react("curious"))
            group = await told(here, "reaction:")
            assert group
            assert (group.title, group.actor_count) == ("bob reacted to your message", 1)
            assert (group.type, group.message_id) == ("reaction", house.message_id)
            assert await told(there, "reaction:") == group
            await house.bob.call(house.react("excited"))
            await house.carol.call(house.react("curious"))
            both = "carol and bob reacted to your message"
            assert await shown(here, "reaction:", both)
            assert await shown(there, "reaction:", both)
            assert await read(house.alice_too, group.group_key) == 1
            assert [one.is_read for one in await listed(house.alice, "reaction:")] == [True]
            await house.carol.call(house.react(None))
            assert await shown(here, "reaction:", "bob reacted to your message")
            await house.bob.call(house.react(None))
            assert await told(here, "reaction:") is None
        await house.alice.call(house.react("grateful"))
    assert await listed(house.alice_too) == [], "nobody is notified of what they did"


async def test_messages_are_one_group_until_they_are_read_on_any_device(house: House) -> None:
    async with oracle(*house.all):
        talk = await open_conversation(house.bob, "alice")
        with house.alice.inbox() as here, house.alice_too.inbox() as there:
            await say(house.bob, talk, "one")
            assert await shown(here, "message:", "bob sent a message")
            await say(house.bob, talk, "two")
            group = await shown(here, "message:", "bob sent 2 messages")
            assert group
            assert (group.count, group.actor_count, group.conversation_id) == (2, 1, talk)
            assert await shown(there, "message:", "bob sent 2 messages") == group
            await house.alice_too.call(ReadConversation(conversation_id=talk, seq=2))
            assert await told(here, "message:") is None
            assert await told(there, "message:") is None
        assert await listed(house.alice, "message:") == []
    assert await listed(house.bob, "message:" + str(talk)) == []


async def test_a_block_withdraws_at_once_what_the_other_has_caused(
    house: House, pg: asyncpg.Connection
) -> None:
    async with oracle(*house.all):
        with house.alice.inbox() as inbox:
            talk = await open_conversation(house.bob, "alice")
            await house.bob.call(house.react("curious"))
            await say(house.bob, talk, "hello")
            assert await told(inbox, "reaction:")
            assert await shown(inbox, f"message:{talk}", "bob sent a message")
            async with asyncio.timeout(10):
                while not await listed(house.bob, "added:"):
                    pass
            await house.alice.call(BlockUser(user_id=id_of(house.bob), op_id=uuid7()))
            left = {group.group_key for group in await listed(house.alice)}
            assert not left & {f"reaction:message:{house.message_id}", f"message:{talk}"}
            assert await titles(house.bob, "added:") == ["alice added you to a group"]
        await cause(house, actor_id=id_of(house.bob))
        await drained(pg)
        assert await listed(house.alice, "follow") == []


async def test_twelve_are_counted_exactly_also_when_one_goes_and_all_come_at_once(
    house: House, pg: asyncpg.Connection
) -> None:
    fans = await strangers(pg, CROWD)
    async with oracle(house.alice, house.alice_too):
        with house.alice.inbox() as inbox:
            await asyncio.gather(*(
                cause(house, node=n % 2, actor_id=fan)
                for n, fan in enumerate(fans * 4 + [id_of(house.bob), id_of(house.carol)])
            ))  # fmt: skip
            await drained(pg)
            (group,) = await listed(house.alice, "follow")
            assert (group.actor_count, group.count, len(group.actors)) == (14, 14, 3)
            assert group.title.endswith("and 13 others followed you")
            await cause(house, undo=True, actor_id=fans[3])
            await cause(house, undo=True, actor_id=id_of(house.bob))
            while (now := await told(inbox, "follow")) is None or now.actor_count != 12:
                pass
        page = await house.alice.call(ListGrouped(group_key="follow", limit=7))
        assert page.more
        last = page.notifications[-1].notification_id
        rest = await house.alice.call(ListGrouped(group_key="follow", before=last))
        behind = [one.username for one in (*page.notifications, *rest.notifications)]
        assert sorted(map(str, behind)) == sorted({*CROWD, "carol"} - {"fan3"})


async def test_fifty_causes_at_once_of_many_groups_lose_nothing(
    house: House, pg: asyncpg.Connection
) -> None:
    fans = await strangers(pg, CROWD)
    receivers = [id_of(house.alice), id_of(house.bob), id_of(house.carol)]
    async with oracle(*house.all):
        await asyncio.gather(
            *(
                cause(house, node=n % 2, user_ids=receivers, actor_id=fans[n % 12],
                      type="milestone", group_key=f"milestone:{n % 3}", title="did something",
                      undo=n >= 48)
                for n in range(50)
            ),
            *(read(house.alice, upto=2**52) for _ in range(5)),
        )  # fmt: skip
        await drained(pg)
        for client in (house.alice, house.bob, house.carol):
            counts = sorted(one.actor_count or 0 for one in await listed(client, "milestone:"))
            assert sum(counts) in range(10, 13)


async def test_who_is_away_is_told_of_what_came_and_went(
    house: House, pg: asyncpg.Connection
) -> None:
    async with oracle(*house.all):
        with house.alice_too.inbox() as inbox:
            cut(house.nodes[1])
            await cause(house, actor_id=id_of(house.bob))
            await cause(house, type="milestone", group_key="milestone:1", title="a year here")
            await drained(pg)
            asked = DeleteNotifications(op_id=uuid7(), group_keys=["milestone:1"])
            assert (await house.alice.call(asked)).changed == 1
            assert (await house.alice.call(asked)).changed == 1, "a retry, and its first answer"
            await connected_again(inbox)
    assert await titles(house.alice_too) == ["bob followed you"]


async def test_preferences_mutes_and_calm_mode_are_obeyed(
    house: House, pg: asyncpg.Connection
) -> None:
    async def level(type_: Type, level: Level) -> bool:
        asked = SetNotificationLevel(op_id=uuid7(), type=type_, level=level)
        return (await house.alice_too.call(asked)).changed

    async def silences(group_key: str, type_: str = "milestone") -> list[bool]:
        await cause(house, type=type_, group_key=group_key, title="did", actor_id=id_of(house.bob))
        await drained(pg)
        return [group.silent for group in await listed(house.alice, group_key)]

    async with oracle(*house.all):
        assert await silences("milestone:1") == [False]
        assert await level("milestone", "silent")
        assert not await level("milestone", "silent")
        assert await silences("milestone:2") == [True]
        assert await level("milestone", "off")
        assert await silences("milestone:3") == []
        assert await silences("system:1", "system") == [False]
        await house.alice.call(ChangeSettings(op_id=uuid7(), calm_mode=True))
        assert await silences("system:2", "system") == [True]
        await house.alice.call(MuteUser(user_id=id_of(house.bob), op_id=uuid7()))
        assert await silences("system:3", "system") == []


async def test_a_muted_conversation_tells_only_of_mentions_and_without_a_sound(
    house: House, pg: asyncpg.Connection
) -> None:
    muted = SetPreferences(conversation_id=house.group, op_id=uuid7(), muted_until="forever")
    await house.bob.call(muted)
    async with oracle(*house.all):
        with house.bob.inbox() as inbox:
            named = SendMessage(conversation_id=house.group, message_id=uuid7(), content="@bob",
                                mentions=[id_of(house.bob)])  # fmt: skip
            await house.alice.call(named)
            group = await told(inbox, "mention:")
            assert group
            assert (group.title, group.silent) == ("alice mentioned you in a message", True)
            assert await listed(house.bob, "message:") == []
            await house.alice.call(DeleteMessage(conversation_id=house.group, op_id=uuid7(),
                                                 message_id=named.message_id))  # fmt: skip
            assert await told(inbox, "mention:") is None


async def test_what_is_not_there_or_not_for_one_any_more_is_withdrawn(
    house: House, pg: asyncpg.Connection
) -> None:
    bob, alice = id_of(house.bob), id_of(house.alice)
    shown: list[ShownTo] = ["public", "private"]
    made = [CreatePost(post_id=uuid7(), post_type="text", caption="x", visibility=v) for v in shown]
    open_, private = [(await house.bob.call(one)).post_id for one in made]
    async with oracle(*house.all):
        for number, post_id in enumerate((open_, private)):
            await cause(house, type="mention", group_key=f"mention:post:{number}", actor_id=bob,
                        title="mentioned you in a post", post_id=post_id)  # fmt: skip
        await drained(pg)
        (group,) = await listed(house.alice)
        assert group.post_id == open_, "of what one may not see nobody is notified"
        await house.bob.call(EditPost(post_id=open_, op_id=uuid7(), base_version=1,
                                      visibility="private"))  # fmt: skip
        await drained(pg)
        assert await listed(house.alice) == []
        await house.bob.call(house.react("curious"))
        await cause(house, actor_id=bob)
        await drained(pg)
        assert len(await listed(house.alice)) == 2
        await house.alice.call(house.delete())
        async with house.nodes[1].services.db.tx() as tx:
            await withdraw_group(tx, [alice], "follow")
        async with asyncio.timeout(10):
            while (await house.alice.call(ListNotifications())).groups:
                await asyncio.sleep(0.05)
        assert await listed(house.alice) == []


async def test_a_type_that_an_app_does_not_know_has_a_sentence_to_show(
    house: House, pg: asyncpg.Connection
) -> None:
    await cause(house, type="system", group_key="system:x", title="We have moved", text="To a hill")
    await drained(pg)
    (group,) = await listed(house.alice, "system:x")
    newer = group.model_dump(mode="json") | {"type": "postcard", "stamp": "blue"}
    known = NotificationGroup.model_validate(newer)
    assert (known.type, known.title, known.text) == ("postcard", "We have moved", "To a hill")
    assert (known.actors, known.actor_count) == ([], 0)


async def test_pages_reading_by_time_and_what_is_refused(
    house: House, pg: asyncpg.Connection
) -> None:
    async with oracle(house.alice, house.alice_too):
        for number in range(5):
            await cause(house, type="system", group_key=f"system:{number}", title=f"{number}")
            await drained(pg)
        found, before = [], None
        while True:
            page = await house.alice.call(ListNotifications(before=before, limit=2))
            found += page.groups
            before = found[-1].updated_at, found[-1].group_key
            if not page.more:
                break
        assert [group.title for group in found] == ["4", "3", "2", "1", "0"]
        assert await read(house.alice_too, upto=found[2].updated_at) == 3
        unread = [group.title for group in await listed(house.alice) if not group.is_read]
        assert unread == ["4", "3"]
        nothing = ReadNotifications(op_id=uuid7())
        assert await refused(house.alice, nothing) == "invalid group_keys"
