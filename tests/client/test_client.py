from __future__ import annotations

import asyncio
from itertools import islice
from uuid import UUID

import pytest
from lumina_protocol.codec import JSON, MSGPACK
from lumina_protocol.conversations import SyncConversation, SyncPage
from lumina_protocol.errors import LuminaError, RateLimited
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, MessageCreated
from lumina_protocol.session import Ping, Pong

from lumina_rt.client import (
    CallTimeout,
    Client,
    ClientError,
    Connected,
    Disconnected,
    Inbox,
    Interrupted,
    Overflow,
    follow,
)
from lumina_rt.client.backoff import delays
from lumina_rt.config import Settings
from tests.cli.command import free_ports
from tests.house import PASSWORD, nodes, open_conversation, register, say, user


@pytest.fixture
def fixed(settings: Settings) -> Settings:
    """On a port that stays the same when the node starts again."""
    return settings.model_copy(update={"port": free_ports(1)[0]})


async def test_after_a_restart_it_is_connected_again_as_the_same_user(fixed: Settings) -> None:
    async with nodes(fixed, 1) as (node,):
        await register(node, "alice")
        alice = user(node, "alice")
        await alice.connect()
        with alice.inbox() as inbox:
            before = alice.ready
            await node.gateway.drain()
            assert isinstance(await anext(inbox), Interrupted)
    try:
        with alice.inbox() as inbox:
            async with nodes(fixed, 1):
                assert isinstance(await anext(inbox), Connected)
                assert alice.ready
                assert before
                assert alice.ready.user_id == before.user_id
                assert alice.ready.connection_id != before.connection_id
                await alice.call(Ping())
    finally:
        await alice.close()


async def test_a_call_made_while_disconnected_waits_for_the_connection(fixed: Settings) -> None:
    async with nodes(fixed, 1) as (node,):
        await register(node, "alice")
        alice = user(node, "alice")
        await alice.connect()
    calling = asyncio.create_task(alice.call(Ping()))
    async with nodes(fixed, 1):
        assert (await calling).time > 0
        await alice.close()


async def test_a_call_without_a_server_times_out(fixed: Settings) -> None:
    async with nodes(fixed, 1) as (node,):
        alice = Client(node.url)
        await alice.connect()
    with pytest.raises(CallTimeout, match=r"ping got no answer in 0\.1 s"):
        await alice.call(Ping(), timeout_s=0.1)
    await alice.close()


async def test_after_close_everything_that_waits_is_told(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        client = Client(node.url)
        await client.connect()
        with client.inbox() as inbox:
            waiting = asyncio.create_task(anext(inbox))
            await client.close()
            with pytest.raises(Disconnected):
                await waiting
        with pytest.raises(Disconnected):
            await client.call(Ping())


async def test_a_wrong_token_is_an_error_of_connect(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        with pytest.raises(LuminaError, match="invalid_token"):
            await Client(node.url, token="wrong").connect()
        assert node.gateway.connections == set()


async def test_an_expired_token_is_renewed_with_the_password(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        client = Client(node.url, token="expired", username="alice", password=PASSWORD)
        async with client:
            assert client.token != "expired"
            assert client.ready


async def test_what_is_no_lumina_server_is_said(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        with pytest.raises(ClientError, match=r"404.*/v1/socket"):
            await Client(node.url.replace("socket", "elsewhere")).connect()
        private = f"ws://127.0.0.1:{node.private_port}/healthz"
        with pytest.raises(ClientError, match="200"):
            await Client(private).connect()


async def test_an_inbox_that_is_not_read_fails_instead_of_growing() -> None:
    inbox = Inbox(limit=3)
    for code in range(10):
        inbox.put(Interrupted(code, ""))
    assert [(await anext(inbox)).code for _ in range(3)] == [0, 1, 2]  # type: ignore[union-attr]
    for _ in range(2):
        with pytest.raises(Overflow):
            await anext(inbox)


async def test_follow_fills_a_hole_and_drops_what_it_has_had(settings: Settings) -> None:
    """Events are lost and doubled on purpose: the first is withheld, the second told twice."""
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob", JSON) as bob:
            conversation = await open_conversation(alice, "bob")
            honest, events = bob._arrive, []

            def tampered(news: object) -> None:
                events.append(news)
                if isinstance(news, MessageCreated) and news.message.seq == 1:
                    return
                honest(news)  # type: ignore[arg-type]
                honest(news)  # type: ignore[arg-type]

            assert bob._link
            bob._link._tell = tampered
            following = follow(bob, conversation)
            first = asyncio.ensure_future(anext(following))
            for i in range(1, 4):
                await say(alice, conversation, str(i))
            seen = [await first, await anext(following), await anext(following)]
            await following.aclose()
    assert [message.content for message in seen] == ["1", "2", "3"]


async def test_follow_begins_with_as_much_history_as_asked_for(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice:
            conversation = await open_conversation(alice, "bob")
            for i in range(1, 6):
                await say(alice, conversation, str(i))
            for history, first in ((2, "4"), (50, "1")):
                following = follow(alice, conversation, history=history)
                assert (await anext(following)).content == first
                await following.aclose()
            with pytest.raises(LuminaError, match="not_found"):
                await anext(follow(alice, uuid7()))


def test_back_off_grows_is_jittered_and_stays_below_its_ceiling() -> None:
    runs = [list(islice(delays(1, 8), 10)) for _ in range(200)]
    ceilings = [1, 2, 4, 8, 8, 8, 8, 8, 8, 8]
    for tries, ceiling in zip(zip(*runs, strict=True), ceilings, strict=True):
        assert max(tries) <= ceiling
        assert max(tries) > ceiling / 2
        assert len(set(tries)) > 100


async def test_an_answer_that_comes_in_the_moment_of_giving_up_harms_nothing(
    settings: Settings,
) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        link = client._link
        assert link
        asking = asyncio.ensure_future(link.call(Ping()))
        await asyncio.sleep(0)
        ((id_, future),) = link._waiting.items()
        future.cancel()
        link._receive(MSGPACK.reply(id_, Pong(time=1)))
        link._receive(MSGPACK.error(id_, RateLimited().body))
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await client.call(Ping())).time > 0


async def test_a_fault_of_the_sdk_itself_is_told_to_everybody_who_waits(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        with client.inbox() as inbox:

            async def fail() -> None:
                raise RuntimeError("a fault")

            monkeypatch.setattr(client, "_reopen", fail)
            for connection in tuple(node.gateway.connections):
                connection.transport.abort()
            assert isinstance(await anext(inbox), Interrupted)
            with pytest.raises(RuntimeError, match="a fault"):
                await anext(inbox)
            with pytest.raises(RuntimeError, match="a fault"):
                await client.call(Ping())


async def test_closing_before_the_first_step_closes_the_socket(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        async with Client(node.url):
            assert len(node.gateway.connections) == 1
        await asyncio.wait_for(node.gateway._empty.wait(), 5)


async def test_a_node_tells_its_name_in_the_hello(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as client:
        assert client.hello
        assert client.hello.node == "node1"


def page(conversation: UUID, first: int, last: int, newest: int) -> SyncPage:
    messages = [
        Message(
            conversation_id=conversation,
            message_id=uuid7(),
            seq=number,
            rev=number,
            sender_id=uuid7(),
            message_type="text",
            content=str(number),
            created_at=number,
        )
        for number in range(first, last + 1)
    ]
    return SyncPage(messages=messages, from_rev=first - 1, to_rev=last, last_rev=newest)


async def test_what_comes_while_a_hole_is_mended_is_asked_for_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, talk = Client("ws://nowhere"), uuid7()
    client.begin(talk, rev=5, seq=5)
    asked: list[int] = []

    async def answer(request: SyncConversation) -> SyncPage:
        asked.append(request.after_rev)
        if len(asked) > 1:
            return page(talk, 11, 11, 11)
        (late,) = page(talk, 11, 11, 11).messages
        client._arrive(MessageCreated(message=late))  # said after the page was read
        return page(talk, 6, 10, 10)

    monkeypatch.setattr(client, "call", answer)
    with client.inbox() as inbox:
        (early,) = page(talk, 7, 7, 7).messages
        client._arrive(MessageCreated(message=early))
        told = [await anext(inbox) for _ in range(6)]
    assert [news.message.seq for news in told if isinstance(news, MessageCreated)] == [
        6, 7, 8, 9, 10, 11,
    ]  # fmt: skip
    assert asked == [5, 10]
    assert client._missing == {}


async def test_a_call_whose_connection_breaks_as_it_comes_waits_for_the_next() -> None:
    client = Client("ws://nowhere")
    calling = asyncio.create_task(client.call(Ping(), timeout_s=0.05))
    await asyncio.sleep(0)
    client._linked.set()  # and broken again before the call has its turn
    await asyncio.sleep(0)
    client._linked.clear()
    with pytest.raises(CallTimeout):
        await calling
