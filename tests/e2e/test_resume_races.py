"""What happens between two reads of a resume: the worst moments, chosen on purpose."""

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
    ConversationLeft,
    ConversationVoid,
    CreateConversation,
)
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import MessageCreated
from lumina_protocol.session import Authenticate, Resume

from lumina_rt.app import Node
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.client import Client, Connected, Inbox
from lumina_rt.client.link import Link
from lumina_rt.config import Settings
from tests.e2e.test_resume import cut, raw
from tests.house import PASSWORD, nodes, open_conversation, register, say, user

LIMIT_S = 5


class Held:
    """All resumes of a node wait, and go on step by step: a step is from one read to the next."""

    def __init__(self, node: Node) -> None:
        self.turns = node.services.resumes

    async def waiting(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not self.turns._waiters:
                await asyncio.sleep(0.005)

    async def step(self) -> None:
        await self.waiting()
        ours = asyncio.create_task(self.turns.acquire())  # behind the one that waits
        await asyncio.sleep(0)
        self.turns.release()
        await asyncio.wait_for(ours, LIMIT_S)
        await self.waiting()


@asynccontextmanager
async def held(node: Node) -> AsyncIterator[Held]:
    turns = node.services.resumes
    count = 0
    while not turns.locked():
        await turns.acquire()
        count += 1
    try:
        yield Held(node)
    finally:
        for _ in range(count):
            turns.release()


def id_of(client: Client) -> UUID:
    assert client.ready
    return client.ready.user_id


async def group(owner: Client, *usernames: str, id_: UUID | None = None) -> UUID:
    asked = CreateGroup(conversation_id=id_ or uuid7(), title="Tea", usernames=list(usernames))
    return (await owner.call(asked)).conversation.conversation_id


async def remove(owner: Client, talk: UUID, user_id: UUID) -> None:
    await owner.call(RemoveMember(op_id=uuid7(), conversation_id=talk, user_id=user_id))


async def until(inbox: Inbox, *kinds: type[object]) -> list[object]:
    """What came, up to the first of these kinds."""
    came: list[object] = []
    async with asyncio.timeout(LIMIT_S):
        async for news in inbox:
            came.append(news)
            if isinstance(news, kinds):
                return came
    raise AssertionError("an inbox does not end")


async def test_who_is_back_before_it_is_said_that_they_are_gone_misses_nothing(
    settings: Settings,
) -> None:
    async with nodes(settings, 2) as (one, two):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(two, "bob") as bob:
            busy, left = await group(alice, "bob"), await group(alice, "bob")
            first = await say(alice, left, "before")
            with bob.inbox() as inbox:
                while bob._order.rev(left) < first.rev:
                    await until(inbox, MessageCreated)
                async with held(two) as resume:
                    cut(two)
                    await resume.waiting()
                    await say(alice, busy, "so that there is something to read")
                    await remove(alice, left, id_of(bob))
                    await resume.step()  # where the own stream is
                    await resume.step()  # where the conversations are: not in `left`
                    back = AddMembers(op_id=uuid7(), conversation_id=left, usernames=["bob"])
                    await alice.call(back)
                    late = await say(alice, left, "late")
                await until(inbox, Connected)
                async with asyncio.timeout(LIMIT_S):
                    while bob._order.rev(left) < late.rev:
                        await anext(inbox)


async def test_who_is_removed_while_they_resume_for_the_first_time_is_not_told_of_it_as_theirs(
    settings: Settings,
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as other_device:
            talk = await group(alice, "bob")
            bob = user(node, "bob")
            with bob.inbox() as inbox:
                async with held(node) as resume:
                    connecting = asyncio.create_task(bob.connect())
                    await resume.waiting()
                    await resume.step()
                    await resume.step()
                    await remove(alice, talk, id_of(other_device))
                await connecting
                came = await until(inbox, Connected)
                assert talk not in bob._order.conversations
                assert any(isinstance(news, ConversationLeft | ConversationGone) for news in came)
            await bob.close()


async def test_what_comes_to_ones_own_stream_while_one_begins_is_told(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            bob = user(node, "bob")
            with bob.inbox() as inbox:
                async with held(node) as resume:
                    connecting = asyncio.create_task(bob.connect())
                    await resume.waiting()
                    await resume.step()
                    talk = await open_conversation(alice, "bob")
                await connecting
                came = await until(inbox, ConversationCreated)
                assert isinstance(came[-1], ConversationCreated)
                assert came[-1].conversation.conversation_id == talk
                await until(inbox, Connected)
                assert bob._order.user_rev == 1
            await bob.close()


async def test_a_resume_ends_although_what_it_has_heard_of_is_not_there(
    settings: Settings,
) -> None:
    """Told by an old primary, and lost with it."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            await say(alice, talk, "kept")
            async with user(node, "bob") as bob:
                bob_id = id_of(bob)
            async with held(node) as resume:
                asked = Resume(epoch=1, user_rev=1, cursors=[(talk, 0)])
                resuming = asyncio.create_task(resumed(node, asked))
                await resume.waiting()
                lost = MSGPACK.event(ConversationVoid(conversation_id=talk, rev=99))
                node.gateway.hub.deliver(Delivery(keys([bob_id]), lost, (talk, 99)))
            async with asyncio.timeout(LIMIT_S):
                assert await resuming == [1]


async def test_what_the_bus_brings_from_before_a_node_began_is_told_once(
    settings: Settings,
) -> None:
    """Committed elsewhere, read by a resume here, and published when Redis was back."""
    async with nodes(settings, 1) as (old,):
        await register(old, "alice", "bob")
        async with user(old, "alice") as alice:
            talk = await open_conversation(alice, "bob")
            for content in ("one", "two", "three"):
                await say(alice, talk, content)
            async with (
                nodes(settings, 1, node="fresh") as (fresh,),
                user(fresh, "bob") as bob,
                raw(fresh, "bob", Resume(epoch=1, user_rev=1, cursors=[(talk, 1)])) as (_, heard),
            ):
                told = len(heard)
                await all_settled(fresh)
                for rev in (2, 3, 4):
                    late = MSGPACK.event(ConversationVoid(conversation_id=talk, rev=rev))
                    fresh.gate.arrive(Delivery(keys([id_of(bob)]), late, (talk, rev)))
                last = await say(alice, talk, "four")
                async with asyncio.timeout(LIMIT_S):
                    while len(heard) == told:
                        await asyncio.sleep(0.01)
                assert [getattr(event, "rev", None) for event in heard[told:]] == [last.rev]


async def test_a_cursor_that_is_made_up_silences_nobody(settings: Settings) -> None:
    """Of a conversation that somebody is no more in, but has heard of since they connected."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "mallory")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            talk = await group(alice, "bob", "mallory")
            link = await Link.open(node.url, MSGPACK, lambda event: None)
            reading = asyncio.create_task(link.read())
            tokens = await link.call(Login(username="mallory", password=PASSWORD))
            await link.call(Authenticate(token=tokens.token, resume=True))
            await say(alice, talk, "that moves it")
            (waiting,) = (c for c in node.gateway.connections if c.catch_up and not c.catch_up.live)
            async with asyncio.timeout(LIMIT_S):
                while not (waiting.catch_up and waiting.catch_up.moved(talk)):
                    await asyncio.sleep(0.01)
            await remove(alice, talk, tokens.user_id)
            await link.call(Resume(epoch=1, cursors=[(talk, 2**50)]))
            await all_settled(node)
            with bob.inbox() as inbox:
                said = await say(alice, talk, "that bob hears")
                async with asyncio.timeout(LIMIT_S):
                    while bob._order.rev(talk) < said.rev:
                        await anext(inbox)
            await link.close()
            await reading


async def all_settled(node: Node) -> None:
    async with asyncio.timeout(LIMIT_S):
        while any(connection.catch_up for connection in node.gateway.connections):
            await asyncio.sleep(0.01)


async def resumed(node: Node, asked: Resume) -> list[int]:
    async with raw(node, "bob", asked) as (_, heard):
        return [m.rev for event in heard for m in getattr(event, "messages", [])]


async def test_no_id_that_somebody_makes_is_that_of_another_s_stream(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol", "mallory")
        async with user(node, "bob") as bob, user(node, "mallory") as mallory:
            taken = await group(mallory, "carol", id_=id_of(bob))
            for i in range(5):
                await say(mallory, taken, str(i))
            with bob.inbox() as inbox:
                async with user(node, "alice") as alice:
                    await open_conversation(alice, "bob")
                assert len(await until(inbox, ConversationCreated)) == 1
                direct = CreateConversation(conversation_id=uuid7(), username="bob")
                await mallory.call(direct)
                assert len(await until(inbox, ConversationCreated)) == 1


async def test_what_a_newer_node_has_put_into_ones_stream_holds_nothing_up(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            with bob.inbox() as inbox:
                talk = await open_conversation(alice, "bob")
                await until(inbox, ConversationCreated)
                async with pg.transaction():
                    await pg.execute(
                        "update user_streams set last_rev = 2 where user_id = $1", id_of(bob)
                    )
                    await pg.execute(
                        "insert into user_events (user_id, rev, event_type, body)"
                        " values ($1, 2, 'badge.won', '{\"badge\": \"early bird\"}')",
                        id_of(bob),
                    )
                    await pg.execute(
                        "insert into outbox (node_id, user_ids, user_revs)"
                        " values ('newer', array[$1::uuid], array[2])",
                        id_of(bob),
                    )
                async with asyncio.timeout(LIMIT_S):
                    async for news in inbox:
                        if getattr(news, "type", "") == "badge.won":
                            break
                await group(alice, "bob")
                (created,) = [
                    n for n in await until(inbox, ConversationCreated) if isinstance(n, Event)
                ][-1:]
                assert isinstance(created, ConversationCreated)
                assert created.user_rev == 3
                assert talk != created.conversation.conversation_id


async def test_whom_one_has_blocked_opens_no_conversation(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob", "carol")
        async with user(node, "alice") as alice, user(node, "bob") as bob:
            old = await open_conversation(bob, "carol")
            await pg.execute(
                "insert into follows (follower_id, following_id, connection_type)"
                " select b.user_id, o.user_id, 'blocked' from users b, users o"
                " where b.username = 'bob' and o.username in ('alice', 'carol')"
            )
            for client, name in ((alice, "bob"), (bob, "alice")):
                with pytest.raises(LuminaError, match="not_found"):
                    await open_conversation(client, name)
            assert await open_conversation(bob, "carol") == old, "what there is stays"
