"""What trends: found by one node, read from Redis by all, and from Postgres while that is away."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from lumina_protocol.fields import uuid7
from lumina_protocol.post_changes import DeletePost
from lumina_protocol.topics import GetTopic, ListTrendingTopics

from lumina_rt.bus.limits import connect
from lumina_rt.bus.trends import TTL_S, Trends
from lumina_rt.client import Client
from lumina_rt.trending import PEOPLE, WEIGH, WINDOWS
from lumina_rt.workers.trending import EVERY_S, TrendFinder
from tests.handlers.test_blocks import refused
from tests.handlers.test_posts import House, house

__all__ = ["house"]
AGE = "update posts set created_at = now() - $2 * interval '1 second' where post_id = $1"
HOUR_S = 3600
NOBODY = "unix:///nowhere/redis.sock"


async def trending(client: Client, window: str = "day", limit: int = 10) -> list[str]:
    asked = ListTrendingTopics.model_validate({"window": window, "limit": limit})
    return [topic.topic_name for topic in (await client.call(asked)).topics]


def finder(house: House, node: int = 0, every_s: float = 0) -> TrendFinder:
    services = house.nodes[node].services
    return TrendFinder(services.db, services.trending.shared, every_s)


def forget(house: House) -> None:
    for node in house.nodes:
        node.services.trending.keep_s = 0
        node.services.trending._kept.clear()


async def say(house: House, who: str, caption: str, hours: float = 0, **values: str) -> UUID:
    client = {"a": house.alice, "b": house.bob, "c": house.carol}[who]
    post_id = await house.post(client, caption=caption, **values)
    await house.pg.execute(AGE, post_id, float(hours * HOUR_S))
    return post_id


async def talk(house: House) -> list[UUID]:
    for _ in range(3):
        await say(house, "a", "#rain #rain")
    for who in "ab":
        await say(house, who, "#plans", visibility="friends")
    for who, hours in (("b", 8), ("b", 12), ("c", 8), ("a", 9)):
        await say(house, who, "#walks", hours)
    return [await say(house, who, "#tea #walks") for who in "ab"]


async def test_what_many_have_said_of_late_trends_and_one_alone_does_not(house: House) -> None:
    forget(house)
    for client in (house.alice, house.bob):
        assert await trending(client) == []
    made = await talk(house)
    assert await finder(house).turn()
    for client in (house.alice, house.bob):
        assert await trending(client) == ["walks", "tea"]
        assert await trending(client, "week") == ["walks", "tea"]
        assert await trending(client, limit=1) == ["walks"]
    reply = await house.bob.call(ListTrendingTopics())
    assert [topic.is_trending for topic in reply.topics] == [True, True]
    shared = house.nodes[0].services.trending.shared
    for window in WINDOWS:
        left_s = await shared.redis.ttl(shared._key(window))
        assert TTL_S - 10 < left_s <= TTL_S == 600
        kept = await shared.read(window)
        assert kept
        assert len(kept.topic_ids) == 2
    for author, post_id in zip((house.alice, house.bob), made, strict=True):
        await author.call(DeletePost(post_id=post_id, op_id=uuid7()))
    assert await finder(house, 1).turn()
    assert await trending(house.bob) == ["walks"]
    gone = GetTopic(topic_name="tea")
    assert await refused(house.bob, gone) == "not_found topic_name", "nobody speaks of it any more"


async def test_the_score_is_the_sum_over_people_of_half_for_each_half_life(house: House) -> None:
    ages = {"a": [30.0, 1.0], "b": [4.0, 20.0], "c": [100.0]}
    for who, hours in ages.items():
        for age in hours:
            await say(house, who, "#tea", age)
    topic_id = (await house.alice.call(GetTopic(topic_name="tea"))).topic.topic_id
    for window in WINDOWS.values():
        how = {"length_s": window.length_s, "half_life_s": window.half_life_s}
        async with house.nodes[0].services.db.read() as tx:
            (row,) = await tx.all(WEIGH, ids=[topic_id], people=PEOPLE, limit=5, **how)
        newest = [min(hours) * HOUR_S for hours in ages.values()]
        expected = sum(0.5 ** (age / window.half_life_s) for age in newest)
        assert row["score"] == pytest.approx(expected, rel=1e-2)
    assert [w.length_s / w.half_life_s for w in WINDOWS.values()] == [6, 6]


async def test_one_node_finds_it_for_all(house: House) -> None:
    await talk(house)
    both = [finder(house, node, EVERY_S) for node in (0, 1)]
    assert sorted(await asyncio.gather(*(one.turn() for one in both))) == [False, True]
    assert not await both[0].turn(), "it was found a moment ago"
    async with house.nodes[0].services.db.tx() as tx:
        await tx.conn.execute("select pg_advisory_xact_lock(hashtext('lumina.trending'))")
        assert not await finder(house, 1).turn(), "another one is at it"
    assert await finder(house, 1).turn()


@pytest.mark.parametrize("how", ["empty", "garbage", "away"])
async def test_without_redis_it_is_weighed_in_postgres(house: House, how: str) -> None:
    forget(house)
    made = await talk(house)
    assert await finder(house).turn()
    service = house.nodes[0].services.trending
    shared = service.shared
    if how == "away":
        service.shared = Trends(connect(NOBODY), uuid4().hex)
    for window in WINDOWS:
        if how == "empty":
            await shared.redis.delete(shared._key(window))
        elif how == "garbage":
            await shared.redis.set(shared._key(window), b'{"of": "another version"}')
    assert await trending(house.alice) == ["walks", "tea"]
    assert await trending(house.alice, "week") == ["walks", "tea"]
    await house.bob.call(DeletePost(post_id=made[1], op_id=uuid7()))
    assert await trending(house.alice) == ["walks"], "as it is now"
    assert await finder(house).turn(), "and it is found all the same"
    service.shared = shared
    assert await finder(house).turn()
    assert await trending(house.alice) == ["walks"]


async def test_a_node_asks_now_and_then_and_not_for_everybody(house: House) -> None:
    await talk(house)
    assert await trending(house.alice) == []
    assert await finder(house).turn()
    assert await trending(house.alice) == [], "what it has read a moment ago"
    house.nodes[0].services.trending._kept["day"].until = 0
    both = await asyncio.gather(*(trending(client) for client in (house.alice, house.carol)))
    assert both[0] == ["walks", "tea"]
    assert both[1] in ([], both[0]), "who comes meanwhile has what was there"
    assert await trending(house.carol) == both[0]
