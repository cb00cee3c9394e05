from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from lumina_protocol.fields import uuid7
from redis.asyncio import Redis

from lumina_rt.bus import bus as bus_module
from lumina_rt.bus.bus import MAX_TOUCHED, PROBE_FRESH_S, STREAM_TTL_MS, connect
from lumina_rt.bus.entry import ALL_SUBJECTS, Delivery, Entry, pack
from lumina_rt.config import ConfigError
from tests.bus.members import USER, Member, cluster, deliveries, numbered

OTHER = uuid7()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A connection of the test's own, to look behind the bus."""
    client = connect(redis_url)
    try:
        yield client
    finally:
        await client.aclose()


async def receive(redis: Redis, member: Member, *entries: Entry) -> None:
    """Write these entries to a member's stream, by hand."""
    for entry in entries:
        await redis.xadd(member.bus.stream, {"b": pack(entry)})


async def test_what_is_published_arrives_at_each_peer_once_and_in_order(redis_url: str) -> None:
    async with cluster(redis_url, "one", "two", "three") as (one, two, three):
        for burst in range(0, 600, 30):
            one.say(*numbered("one", burst + 1, burst + 30))
            two.say(*numbered("two", burst + 1, burst + 30))
            await asyncio.sleep(0)  # so that the publisher may begin
        got = await three.take(1200)
        of_two, of_one = await one.take(600), await two.take(600)
        left = [member.got.qsize() for member in (one, two, three)]
    assert [payload for payload in got if payload.startswith(b"one")] == numbered("one", 1, 600)
    assert [payload for payload in got if payload.startswith(b"two")] == numbered("two", 1, 600)
    assert (of_one, of_two) == (numbered("one", 1, 600), numbered("two", 1, 600))
    assert left == [0, 0, 0]
    assert [member.counted("lost") for member in (one, two, three)] == [0, 0, 0]


async def test_what_is_published_together_goes_out_in_few_entries(redis_url: str) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        one.say(*numbered("one", 1, 1000))
        await two.take(1000)
        one.say(b"last")
        await two.take(1)
        assert one.counted("written") <= 5


async def test_a_flush_waits_until_all_that_was_published_is_written(redis_url: str) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        one.say(*numbered("one", 1, 1000))
        await one.bus.flush(5)
        assert one.counted("written") >= 4
        assert len(one.bus._pending) == 0
        before = one.counted("written")
        await one.bus.flush(5)  # with nothing to do it returns at once
        assert one.counted("written") == before
        await two.take(1000)


async def test_without_peers_nothing_is_kept(redis_url: str) -> None:
    async with cluster(redis_url, "one") as (one,):
        one.say(*numbered("one", 1, 10))
        assert len(one.bus._pending) == 0


async def test_what_is_published_while_redis_is_cut_off_arrives_afterwards(
    redis_url: str, redis: Redis
) -> None:
    """All connections are killed again and again: some writes happen twice, none not at all."""
    async with cluster(redis_url, "one", "two") as (one, two):
        for number in range(1, 21):
            one.say(f"one {number}".encode())
            await redis.client_kill_filter(_type="normal", skipme=True)
        got = await taken_until(two, b"one 20")
    assert list(dict.fromkeys(got)) == numbered("one", 1, 20)


async def taken_until(member: Member, last: bytes) -> list[bytes]:
    got: list[bytes] = []
    while not got or got[-1] != last:
        got += await member.take(1)
    return got


async def test_a_reader_goes_on_behind_the_last_entry_it_has_processed(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        for round_ in range(5):
            first = round_ * 10 + 1
            one.say(*numbered("one", first, first + 9))
            assert await two.take(10) == numbered("one", first, first + 9)
            for client in await redis.client_list(_type="normal"):
                if client["cmd"] == "xread":
                    await redis.client_kill_filter(_id=client["id"])
        one.say(b"last")
        assert await two.take(1) == [b"last"]
        assert two.got.empty()


async def test_an_unreadable_entry_is_counted_and_skipped(redis_url: str, redis: Redis) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        damages: tuple[dict[Any, Any], ...] = (
            {"b": b"no entry"},
            {"c": b"no field b"},
            {"b": pack(Entry("one#1", 1, []))[:-1]},
        )
        for damaged in damages:
            await redis.xadd(two.bus.stream, damaged)
        one.say(b"readable")
        assert await two.take(1) == [b"readable"]
        assert two.counted("unreadable") == 3


async def test_a_delivery_that_fails_does_not_hold_up_the_others(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        deliver = two.bus.deliver

        def fail_at_some(delivery: Delivery) -> None:
            deliver(delivery)
            if two.got.qsize() == 2:
                raise RuntimeError("no session can be told of this")

        two.bus.deliver = fail_at_some
        await receive(redis, two, Entry("one#1", 1, deliveries([b"a", b"b", b"c", b"d"])))
        one.say(b"e")
        assert await two.take(5) == [b"a", b"b", b"c", b"d", b"e"]
        assert two.counted("undelivered") == 1


async def test_a_jump_of_a_publishers_counter_is_counted_as_lost(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        for publisher, counters in (("x#1", (7, 8, 11, 12)), ("y#1", (1, 2, 2, 3, 5))):
            await receive(redis, two, *(Entry(publisher, number, []) for number in counters))
        one.say(b"done")
        await two.take(1)
        assert two.counted("lost") == 3


async def test_a_peer_whose_stream_is_gone_is_dropped_and_gets_no_new_stream(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two", "gone") as (one, two, gone):
        await redis.delete(gone.bus.stream)
        for payload in (b"first", b"second"):  # the second is written when the first was settled
            one.say(payload)
            await two.take(1)
        assert one.bus.peers == {two.bus.node_id}
        assert not await redis.exists(gone.bus.stream)


async def test_a_node_that_announces_itself_is_published_to_at_once(redis_url: str) -> None:
    async with cluster(redis_url, "old", "new") as (old, new):
        old.bus.peers.clear()
        await new.bus.announce()
        new.say(b"after the announcement")
        await old.take(1)
        assert old.bus.peers == {new.bus.node_id}
        old.say(b"welcome")
        assert await new.take(1) == [b"welcome"]


async def test_a_stream_ends_a_minute_after_the_last_probe_of_its_node(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        await redis.pexpire(two.bus.stream, 30_000)
        one.say(b"a peer's entry does not keep a stream alive")
        await two.take(1)
        assert await redis.pttl(two.bus.stream) <= 30_000
        await two.bus.probe()
        assert 30_000 < await redis.pttl(two.bus.stream) <= STREAM_TTL_MS


async def test_closing_takes_the_stream_away(redis_url: str, redis: Redis) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        assert await redis.exists(one.bus.stream, two.bus.stream) == 2
    assert await redis.exists(one.bus.stream, two.bus.stream) == 0


async def test_a_probe_that_comes_back_makes_the_bus_fresh_for_some_seconds(
    redis_url: str,
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        one.bus.last_probe = time.monotonic() - PROBE_FRESH_S
        assert not one.bus.probe_is_fresh
        await one.bus.probe()
        two.say(b"behind the probe")
        await one.take(1)
        assert one.bus.probe_is_fresh
        one.bus.last_probe -= PROBE_FRESH_S
        assert not one.bus.probe_is_fresh


async def test_of_too_many_that_wait_the_oldest_are_dropped_and_counted(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "MAX_PENDING", 100)
    async with cluster(redis_url, "one", "two") as (one, two):
        one.say(*numbered("one", 1, 70))
        one.say(*numbered("one", 71, 150))  # the publisher has had no turn yet
        assert await two.take(100) == numbered("one", 51, 150)
        assert one.counted("dropped") == 50


def test_a_redis_url_that_cannot_be_read_is_a_wrong_setting() -> None:
    url = "redis://:hunter2@127.0.0.1:port/0"
    with pytest.raises(ConfigError, match="LUMINA_REDIS_URL cannot be read; set it to") as refused:
        connect(url)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


async def test_what_was_touched_is_told_to_peers_and_a_gap_tells_that_more_was(
    redis_url: str, redis: Redis
) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        told: asyncio.Queue[object] = asyncio.Queue()
        two.bus.on_touched = lambda ids: told.put_nowait(set(ids))
        two.bus.on_break = lambda: told.put_nowait("break")
        one.bus.touch([USER])
        one.bus.touch([USER, OTHER])
        assert await told.get() == {USER, OTHER}
        await receive(redis, two, Entry("one#1", 4, [], touched=(USER,)))
        assert [await told.get(), await told.get()] == ["break", {USER}]
        one.bus.touch([uuid7() for _ in range(MAX_TOUCHED + 1)])
        assert [await told.get(), await told.get()] == ["break", {ALL_SUBJECTS}]


async def test_a_peer_that_comes_back_is_told_that_all_may_have_changed(redis_url: str) -> None:
    async with cluster(redis_url, "one", "two") as (one, two):
        told: asyncio.Queue[object] = asyncio.Queue()
        two.bus.on_touched = lambda ids: told.put_nowait(set(ids))
        one.bus.peers.discard(two.bus.node_id)
        one.bus.touch([USER])
        one.bus.met([one.bus.node_id, two.bus.node_id])
        one.bus.met([two.bus.node_id])
        assert await told.get() == {ALL_SUBJECTS}
        one.bus.touch([OTHER])
        assert await told.get() == {OTHER}
