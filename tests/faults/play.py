"""Actors at work in a world while a schedule of faults runs, and the evidence of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from uuid import UUID, uuid4

import asyncpg
from lumina_protocol.accounts import Register, Tokens
from lumina_protocol.conversations import CreateConversation
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser

from lumina_rt.cli.recount import examples, recount
from lumina_rt.client import Client, ClientError
from lumina_rt.workers.counters import COUNTERS
from tests.faults import fresh, social, social_checks, social_truth, truth
from tests.faults.actor import HOUR_MS, Actor
from tests.faults.evidence import Evidence
from tests.faults.fresh import Fresh
from tests.faults.log import Glanced, Log, Looked
from tests.faults.operations import HANDS, draw, send
from tests.faults.relay import HOST, Relay
from tests.faults.social import Wall
from tests.faults.stream import Stream
from tests.faults.world import World

PASSWORD = "correct horse battery"
PICTURE = """
insert into media_objects
    (media_id, user_id, kind, status, content_type, bytes, sha256, width, height)
values ($1, $2, 'image', 'ready', 'image/png', 9, sha256(''), 4, 3)"""
USERS, SECOND_DEVICES = 5, 3
PAUSES_S = (0.2, 0.2, 0.4)
"""Between two operations of each hand, on average: more would only wait for the processor."""
LOOK_S = 0.05
CALM_S = 1.0
"""Work goes on for so long after the last fault."""
SETTLE_S = 5.5
SWEPT_S = 16.5
"""What a node was killed over, before it could say that it has changed it, a sweep finds."""
REST_S = 10.0
RETURN_S = 30.0
"""For those whose back-off has grown."""


@dataclass(slots=True)
class Play:
    world: World
    seed: str
    actors: list[Actor]
    tokens: dict[UUID, str] = field(default_factory=dict)
    """Of each user."""
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    faults: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    """Faults that have begun and are not healed."""
    recovered_s: list[float] = field(default_factory=list)
    """From when all was healed until each client that was online had what was known by then."""
    healed_at: float = 0.0
    converge_s: float = SWEPT_S
    """So long at most until all have what there is beyond messages, once all is well."""
    _recovering: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, faults: Callable[[Play], Awaitable[None]]) -> Evidence:
        """Work while faults happen, then for a moment without them, and wait until all is seen."""
        await asyncio.gather(*(social.begin(actor) for actor in self.actors))
        async with asyncio.TaskGroup() as tasks:
            hands = [
                tasks.create_task(self._work(actor, hand))
                for actor in self.actors
                for hand in range(len(HANDS))
            ]
            await faults(self)
            self.healed_at = time.monotonic()
            await asyncio.sleep(CALM_S)
            self.ending.set()
            await asyncio.gather(*hands)
            await self._rest()
            is_settled = await self._settle()
            is_settled = await self._last_words() and is_settled
        ended_at = time.monotonic()
        kept = await self._truth()
        logs = [actor.log for actor in self.actors]
        evidence = Evidence(logs, kept, self.healed_at, ended_at)
        evidence.clock_s = time.time() - time.monotonic()
        if is_settled:
            await self._told()
            evidence.fresh = await self._fresh()
            url, users = self.world.engines.database_url, set(self.tokens)
            evidence.social = await social_truth.read(url, users)
            evidence.drift = await self._drift()
            await self._converge(evidence)
        return evidence

    async def _told(self) -> None:
        """Until nobody is to be notified of anything any more. What stays is found later."""
        users, url = set(self.tokens), self.world.engines.database_url
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                while await social_truth.is_restless(url, users):
                    await asyncio.sleep(LOOK_S)

    async def _drift(self) -> list[str]:
        found = await recount(self.world.engines.database_url, COUNTERS, fix=False, fold=False)
        return [line for comparison in found for line in examples(comparison)]

    async def _converge(self, evidence: Evidence) -> None:
        """Until all devices have what they are to have beyond messages, or for too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.converge_s):
                while any(any(demand(evidence)) for demand in social_checks.LIVE):
                    await asyncio.sleep(LOOK_S)

    def healed(self, fault: str) -> None:
        """A fault is over. If it was the last one for now, see how long it takes until those who
        are online have what there was."""
        self.faults[fault] += 1
        self.broken -= 1
        for actor in self.actors:
            if actor.stream.online and not self.broken:
                task = asyncio.create_task(self._recover(actor, self.newest()))
                self._recovering.add(task)
                task.add_done_callback(self._recovering.discard)

    async def _work(self, actor: Actor, hand: int) -> None:
        random = Random(f"{self.seed} {actor.log.device} {hand}")
        while not self.ending.is_set():
            await draw(random, hand)(actor)
            await asyncio.sleep(random.expovariate(1 / PAUSES_S[hand]))

    async def _rest(self) -> None:
        """Until nothing is left to happen by itself. What does not happen, is found later."""
        users = [actor.log.user for actor in self.actors]
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_S):
                while await truth.is_restless(self.world.engines.database_url, users):
                    await asyncio.sleep(LOOK_S)

    async def _fresh(self) -> dict[UUID, Fresh]:
        """Through one node after the other."""
        nodes = self.world.nodes
        return {
            user: await fresh.read(nodes[number % len(nodes)].url, token, *self._watched(user))
            for number, (user, token) in enumerate(self.tokens.items())
        }

    def _watched(self, user: UUID) -> tuple[set[UUID], set[UUID]]:
        """Posts and stories that any of their devices has watched."""
        logs = [actor.log for actor in self.actors if actor.log.user == user]
        entries = [entry for log in logs for entry in log.entries]
        posts = {entry.post for entry in entries if isinstance(entry, Looked)}
        return posts, {entry.story for entry in entries if isinstance(entry, Glanced)}

    async def _last_words(self) -> bool:
        """When all is quiet, Redis forgets everything, and in that moment each says something: the
        streams of the other nodes are gone when it is published, and nothing follows."""
        await self.world.engines.flush_redis()
        await asyncio.gather(*(send(actor) for actor in self.actors))
        return await self._settle()

    async def _settle(self) -> bool:
        """Wait until everybody is back and has everything. False: that takes too long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_S):
                while not all(actor.stream.online for actor in self.actors):
                    await asyncio.sleep(LOOK_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                kept = await self._truth()
                for actor in self.actors:
                    await _has_all(actor, kept)
                return True
        return False

    def newest(self) -> dict[UUID, int]:
        """The highest rev of each conversation that anybody has heard of."""
        found: dict[UUID, int] = {}
        for actor in self.actors:
            for talk, rev in actor.newest.items():
                found[talk] = max(rev, found.get(talk, 0))
        return found

    async def _recover(self, actor: Actor, revs: dict[UUID, int]) -> None:
        began = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_S):
                await _has(actor, revs)
        self.recovered_s.append(time.monotonic() - began)

    async def _truth(self) -> truth.Truth:
        users = {actor.log.user for actor in self.actors}
        return await truth.read(self.world.engines.database_url, users)


async def _has(actor: Actor, revs: dict[UUID, int]) -> None:
    had = actor.stream.had
    while any(had(talk) < revs.get(talk, 0) for talk in list(actor.conversations)):
        await asyncio.sleep(LOOK_S)


async def _has_all(actor: Actor, kept: truth.Truth) -> None:
    """Of what it is in, and nothing else."""
    mine = {talk: it.last_rev for talk, it in kept.items() if it.is_member(actor.log.user)}
    while not (actor.stream.online and actor.stream.revs() == mine):
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def play(world: World, seed: str, stream: type[Stream] = Stream) -> AsyncIterator[Play]:
    """New users in new conversations, some with two devices, all connected."""
    await _reached(world)
    tokens = await _register(world)
    await _talk(world, tokens)
    actors = [
        await _actor(world, seed, stream, name, number, tokens)
        for number, name in enumerate([*tokens, *list(tokens)[:SECOND_DEVICES]])
    ]
    for first, second in zip(actors, actors[USERS:], strict=False):
        first.sibling, second.sibling = second, first
    wall = await _wall(world, [token.user_id for token in tokens.values()])
    for actor in actors:
        actor.links, actor.wall = actors[0].links, wall
    actors[1].clock_off_ms, actors[2].clock_off_ms = HOUR_MS, -HOUR_MS
    listening = [asyncio.create_task(actor.stream.listen()) for actor in actors]
    now = Play(world, seed, actors, {each.user_id: each.token for each in tokens.values()})
    try:
        async with asyncio.timeout(RETURN_S):
            while not all(actor.stream.online for actor in actors):
                await asyncio.sleep(LOOK_S)
        yield now
    finally:
        for actor in actors:
            await actor.stream.close()
        await asyncio.gather(*listening)
        for task in now._recovering:
            task.cancel()
        for actor in actors:
            for relay in actor.relays:
                await relay.stop()


async def _reached(world: World) -> None:
    """The first node may still be on its way back from what was done to it before."""
    async with asyncio.timeout(RETURN_S):
        while True:
            try:
                async with Client(world.nodes[0].url):
                    return
            except (OSError, ClientError):
                await asyncio.sleep(LOOK_S)


async def _register(world: World) -> dict[str, Tokens]:
    play_id = uuid4().hex[:8]
    names = [f"{name}_{play_id}" for name in ("alice", "bob", "carol", "dave", "erin")]
    async with Client(world.nodes[0].url) as stranger:
        return {
            name: await stranger.call(Register(username=name, password=PASSWORD)) for name in names
        }


async def _talk(world: World, tokens: dict[str, Tokens]) -> None:
    """A conversation for each pair, of whom one follows the other."""
    names = list(tokens)
    for number, name in enumerate(names):
        async with Client(world.nodes[0].url, token=tokens[name].token) as client:
            for other in names[number + 1 :]:
                request = CreateConversation(conversation_id=uuid7(), username=other)
                await client.call(request)
                await client.call(FollowUser(op_id=uuid7(), user_id=tokens[other].user_id))


async def _wall(world: World, users: list[UUID]) -> Wall:
    """Each has a picture for their stories. The last one blocks those whose ids are refused on
    their first devices: nobody needs to bring them together."""
    media = {user: uuid7() for user in users}
    connection = await asyncpg.connect(world.engines.database_url)
    try:
        await connection.executemany(PICTURE, [(id_, user) for user, id_ in media.items()])
    finally:
        await connection.close()
    return Wall(media=media, blockers=frozenset(users[-1:]), blocked=tuple(users[1:3]))


async def _actor(
    world: World, seed: str, stream: type[Stream], name: str, number: int, tokens: dict[str, Tokens]
) -> Actor:
    device = f"{name.partition('_')[0]}-{1 + number // USERS}"
    relays = [Relay(0, node.port) for node in world.nodes]
    for relay in relays:
        await relay.start()
    people = {name: token.user_id for name, token in tokens.items()}
    random = Random(f"{seed} {device}")
    actor = Actor(Log(device, tokens[name].user_id), random, people, relays)
    urls = [f"ws://{HOST}:{relay.front}/v1/socket" for relay in relays]
    first = number % len(urls)
    actor.stream = stream(urls[first:] + urls[:first], tokens[name].token, actor.write)
    return actor
