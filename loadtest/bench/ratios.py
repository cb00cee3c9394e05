"""What is measured: pairs of the same work, one right beside the other. Lower is better in all."""

from __future__ import annotations

import random
import statistics
import time
import timeit
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any
from uuid import UUID

from lumina_protocol.accounts import Login
from lumina_protocol.codec import JSON, MSGPACK, Codec
from lumina_protocol.conversations import CreateConversation, ListConversations
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, MessageCreated, ReadHistory, SendMessage
from lumina_protocol.session import Authenticate, Resume

from loadtest import floor
from loadtest.accounts import introduce, register
from loadtest.bench.people import PASSWORD, linked, logged_in, most_talkative, newcomer
from loadtest.bench.theatre import Grown, Theatre
from loadtest.errors import Violation
from loadtest.fanout import CONTENT, Fanout
from loadtest.gather import PATH, opened
from loadtest.pace import Load
from loadtest.pairs import Budget, Sender, Taker
from loadtest.receiver import Crowd, opening_of
from loadtest.screen import Result, Screen
from loadtest.sends import Sends
from loadtest.stage import HOST, Stage
from loadtest.usage import Usage
from lumina_rt.client.link import Link

Ratios = dict[str, float]
Measure = Callable[[Theatre, Screen], Coroutine[Any, Any, Ratios]]
FRAME_BYTES = 320
RECEIVERS = 1000
MESSAGES = {1: 100, 8: 320}
"""By the size of bursts."""
PAIRS, SENT = 40, 600
HOPS = 120
COMERS, MISSED = 60, 20
COLD, PAGES = 40, 200


async def fan_out(stage: Theatre, screen: Screen) -> Ratios:
    """CPU of a delivery to that of the C floor."""
    found = {}
    for burst, messages in MESSAGES.items():
        load = Load(RECEIVERS, messages, burst)
        result = await Fanout(load).run(screen, stage.node)
        _right(result)
        below, _ = await floor.run(load, FRAME_BYTES, screen)
        floor_us = below.cpu_s / (load.messages * load.receivers) * 1e6
        found[f"fan-out in bursts of {burst} : C floor, CPU"] = (
            _figure(result, "CPU per delivery") / floor_us
        )
    return found


async def group_commit(stage: Theatre, screen: Screen) -> Ratios:
    """A message that is committed with others to one that is committed alone."""
    work = Sends(PAIRS, SENT, 1, ())
    on = await work.run(screen, stage.node, stage.engines)
    off = await work.run(screen, stage.alone, stage.engines)
    _right(on)
    _right(off)
    named = {"node CPU": "node CPU", "Postgres CPU": "Postgres CPU"}
    found = {
        f"group commit : one by one, {label}": _figure(on, name) / _figure(off, name)
        for name, label in named.items()
    }
    found["group commit : one by one, time"] = _figure(off, "messages") / _figure(on, "messages")
    return found


async def between_nodes(stage: Theatre, screen: Screen) -> Ratios:
    """From sending to delivery, at another node to at the same: of the same messages, p50."""
    near, far = stage.node, stage.second
    (_, alice), (name, bob) = await register(near.url, 2, lambda done: None)
    conversation_id = (await introduce(near.url, [(alice, name)]))[alice]
    crowd, budget = Crowd(), Budget()
    sender = Sender(crowd, _opening(near), alice, conversation_id, budget)
    same, other = (Taker(crowd, _opening(node), bob) for node in (near, far))
    async with (
        opened(crowd, [sender, same], HOST, near.port, lambda done: None),
        opened(crowd, [other], HOST, far.port, lambda done: None),
    ):
        for number in range(1, HOPS + 1):
            budget.left = 1
            sender.send()
            await crowd.until(3 * number)  # an answer and two events
    delays = [
        statistics.median(
            came - sent.at for came, sent in zip(taker.times, sender.sent, strict=True)
        )
        for taker in (same, other)
    ]
    return {"delivery at another node : the same, p50": delays[1] / delays[0]}


async def coming_back(stage: Theatre, screen: Screen) -> Ratios:
    """CPU of the node: a resume with 20 missed messages to a login with a password.

    The password costs 2^4 rounds of bcrypt here, and 2^12 and more in production.
    """
    on = stage.node
    (_, alice), (name, bob) = [await newcomer(on.url) for _ in range(2)]
    async with linked(on.url) as link:
        await link.call(Authenticate(token=bob, resume=True))
        stood = await link.call(Resume())
    await _talk(on, alice, name)
    resume = Resume(epoch=stood.epoch, user_rev=stood.user_rev)

    async def log_in(link: Link) -> None:
        tokens = await link.call(Login(username=name, password=PASSWORD))
        await link.call(Authenticate(token=tokens.token))

    async def come_back(link: Link) -> None:
        await link.call(Authenticate(token=bob, resume=True))
        await link.call(resume)

    spent = [await _comers(on, come) for come in (come_back, log_in)]
    return {"resume : login, CPU": spent[0] / spent[1]}


async def _talk(on: Stage, alice: str, name: str) -> None:
    async with linked(on.url) as link:
        await link.call(Authenticate(token=alice))
        request = CreateConversation(conversation_id=uuid7(), username=name)
        where = (await link.call(request)).conversation.conversation_id
        for _ in range(MISSED):
            await link.call(SendMessage(conversation_id=where, message_id=uuid7(), content=CONTENT))


async def _comers(on: Stage, come: Callable[[Link], Awaitable[None]]) -> float:
    before = Usage.of(on.process)
    for _ in range(COMERS):
        async with linked(on.url) as link:
            await come(link)
    return (Usage.of(on.process) - before).cpu_s


async def pages(stage: Theatre, screen: Screen) -> Ratios:
    """A page of history in a big table to one in a small, p50."""
    ways = [stage.little, stage.much]
    async with (
        logged_in(ways[0].on.url, await _reader(ways[0])) as little,
        logged_in(ways[1].on.url, await _reader(ways[1])) as much,
    ):
        took: list[list[float]] = [[], []]
        requests = [_somewhere(await _newest(link)) for link in (little, much)]
        for _ in range(COLD + PAGES):  # in turns, so that a noisy moment meets both
            for number, link in enumerate((little, much)):
                began = time.perf_counter()
                await link.call(next(requests[number]))
                took[number].append(time.perf_counter() - began)
    name = f"page of history, {ways[1].messages:,} : {ways[0].messages:,} messages, p50"
    return {name: _middle(took[1]) / _middle(took[0])}


def _middle(took: list[float]) -> float:
    """Without the first, for which plans are made and caches fill."""
    return statistics.median(took[COLD:])


async def _reader(grown: Grown) -> str:
    return await most_talkative(grown.on.url, grown.database_url)


async def _newest(link: Link) -> list[tuple[UUID, int]]:
    """The conversations that have a page before the newest: id and last seq."""
    listed = (await link.call(ListConversations())).conversations
    return [(one.conversation_id, one.last_seq) for one in listed if one.last_seq > 25]


def _somewhere(conversations: list[tuple[UUID, int]]) -> Iterator[ReadHistory]:
    drawn = random.Random(1)
    while True:
        where, last = drawn.choice(conversations)
        yield ReadHistory(conversation_id=where, before_seq=drawn.randint(25, last), limit=20)


def encoding() -> Ratios:
    """An event as JSON to the same as MessagePack, CPU; without the model's part of it."""
    body = an_event().model_dump(exclude_none=True)

    def pack(codec: Codec) -> float:
        times = timeit.repeat(
            lambda: codec.pack((4, MessageCreated.type, body)), number=5000, repeat=5
        )
        return min(times)

    return {"encoding as JSON : as MessagePack": pack(JSON) / pack(MSGPACK)}


def an_event() -> MessageCreated:
    ids = [UUID(int=n) for n in range(1, 4)]
    return MessageCreated(
        message=Message(
            conversation_id=ids[0],
            message_id=ids[1],
            sender_id=ids[2],
            seq=1000,
            rev=1000,
            message_type="text",
            content=CONTENT,
            created_at=1_800_000_000_000,
        )
    )


ON_NODES: tuple[Measure, ...] = (fan_out, group_commit, between_nodes, coming_back, pages)
BY_THEMSELVES: tuple[Callable[[], Ratios], ...] = (encoding,)


def _opening(on: Stage) -> bytes:
    return opening_of(PATH, f"{HOST}:{on.port}")


def _figure(result: Result, name: str) -> float:
    value = next(figure.value for figure in result.figures if figure.name == name)
    assert value is not None
    return value


def _right(result: Result) -> None:
    if result.faults:
        raise Violation("what was received is wrong\n  " + "\n  ".join(result.faults))
