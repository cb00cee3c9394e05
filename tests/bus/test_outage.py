"""Redis is killed, and comes back."""

from __future__ import annotations

from tests.bus.members import OwnRedis, cluster, member, numbered


async def test_what_is_published_while_redis_is_dead_arrives_when_it_is_back(
    own_redis: OwnRedis,
) -> None:
    async with cluster(own_redis.url, "one", "two") as (one, two):
        one.say(*numbered("one", 1, 10))
        assert await two.take(10) == numbered("one", 1, 10)
        await one.bus.flush(5)  # what was not answered would be written, and come, again
        await own_redis.kill()
        one.say(*numbered("one", 11, 20))
        await own_redis.start()
        one.say(*numbered("one", 21, 30))
        assert await two.take(20) == numbered("one", 11, 30)
        assert two.got.empty()
        assert (two.counted("lost"), one.counted("dropped")) == (0, 0)


async def test_closing_while_redis_is_dead_raises_nothing(own_redis: OwnRedis) -> None:
    one = member(own_redis.url, "one", "test")
    await one.bus.probe()
    await own_redis.kill()
    await one.bus.close()
