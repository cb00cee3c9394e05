"""Node streams: every node reads its own, and publishes to those of its live peers.

A redis command costs about 70 us of CPU here, an event within one about 1 us: so what is
published while a write is under way goes out together in the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.typing import EncodableT, FieldT

from lumina_rt.bus.entry import (
    ALL_SUBJECTS,
    Control,
    Delivery,
    Entry,
    UnreadableEntry,
    pack,
    unpack,
)
from lumina_rt.config import HINTS, ConfigError
from lumina_rt.telemetry import Telemetry

MAX_PENDING = 20_000
"""Deliveries that may wait while Redis is away; older ones go first, and are counted."""
MAX_TOUCHED = 5000
"""Subjects that may wait; of more it is said that all may have changed."""
BATCH = 256
STREAM_LENGTH = 10_000
STREAM_TTL_MS = 60_000
BLOCK_MS = 1000
PROBE_EVERY_S = 1.0
PROBE_FRESH_S = 5.0
HEALTHY_S = 3.0
"""So long a node counts as one that Postgres takes writes from, by the clocks of the nodes. With
the 5 s for which a heartbeat is fresh it is less than what workers/health.py waits for: when
Postgres is gone for all, nobody is said to have it any more by then."""
CONNECT_TIMEOUT_S = 5

Deliver = Callable[[Delivery], None]


def connect(url: str) -> Redis:
    """A client that fails fast; whoever uses it decides about trying again. Raises ConfigError."""
    try:
        return Redis.from_url(
            url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_timeout=CONNECT_TIMEOUT_S
        )
    except ValueError:  # it may quote the password
        raise ConfigError(f"LUMINA_REDIS_URL cannot be read; {HINTS['redis_url']}") from None


@dataclass(slots=True)
class Bus:
    """`publish` from anywhere; `run_publisher` and `run_reader` are loops to be kept running."""

    redis: Redis
    prefix: str
    node_id: str
    deliver: Deliver
    telemetry: Telemetry
    peers: set[str] = field(default_factory=set)
    last_probe: float = -1e9
    """When our own probe last came back, on the clock of time.monotonic."""
    has_postgres: Callable[[], bool] = lambda: False
    """Whether we may tell the others, with the probe, that Postgres takes our writes."""
    peer_has_postgres: bool = False
    """Whether another node has said so lately."""
    on_ended: Callable[[], None] = lambda: None
    """Called when a peer says that logins have ended."""
    on_touched: Callable[[Collection[UUID]], None] = lambda ids: None
    """Called with the subjects that a peer has changed."""
    on_break: Callable[[], None] = lambda: None
    """Called when something that a peer has said may have been lost."""
    _touched: set[UUID] = field(default_factory=set)
    _pending: deque[Delivery] = field(default_factory=deque)
    _ended: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _counters: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _last_id: str = "0"

    @property
    def stream(self) -> str:
        return self._stream(self.node_id)

    @property
    def healthy(self) -> str:
        return f"{self.prefix}:healthy"

    @property
    def probe_is_fresh(self) -> bool:
        return time.monotonic() - self.last_probe < PROBE_FRESH_S

    def publish(self, deliveries: Iterable[Delivery]) -> None:
        """Queue for the other nodes, without what is not kept while Redis is away: by the time it
        is back, nobody is typing any more. Never blocks, never raises."""
        if not self.peers:
            return
        self._idle.clear()
        well = self.probe_is_fresh
        self._pending.extend(each for each in deliveries if each.place or well)
        while len(self._pending) > MAX_PENDING:
            self._pending.popleft()
            self.telemetry.bus.labels("dropped").inc()
        self._wake.set()

    def touch(self, subject_ids: Collection[UUID]) -> None:
        """Tell the peers that the state of these has changed. It may be lost, see on_break."""
        if self.peers:
            self._touched.update(subject_ids)
            if len(self._touched) > MAX_TOUCHED:
                self._touched = {ALL_SUBJECTS}
            self._idle.clear()
            self._wake.set()

    def met(self, live: Iterable[str]) -> None:
        """These nodes live. Of what was touched while we did not know one of them it knows
        nothing."""
        if new := set(live) - self.peers - {self.node_id}:
            self.peers |= new
            self.touch([ALL_SUBJECTS])

    def say_ended(self) -> None:
        """Tell the peers that logins have ended. They find out themselves if it is lost."""
        if self.peers:
            self._ended = True
            self._wake.set()

    async def run_publisher(self) -> None:
        """Write what waits, as one entry for each peer. Raises RedisError; started again, it
        writes the same batch again, so that a peer gets an event twice rather than not at all."""
        while True:
            await self._wake.wait()
            while self._pending or self._ended or self._touched:
                batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
                control: Control | None = "ended" if self._ended else None
                self._ended, touched, self._touched = False, tuple(self._touched), set()
                try:
                    await self._write(sorted(self.peers), batch, control, touched)
                except BaseException:
                    self._pending.extendleft(reversed(batch))
                    self._touched.update(touched)
                    raise
            self._wake.clear()
            self._idle.set()

    async def flush(self, within_s: float) -> None:
        """Wait until all that was published is written, but no longer than this."""
        if self._pending or self._wake.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), within_s)

    async def run_reader(self) -> None:
        """Deliver what comes in, always from the last id that was processed. Raises RedisError."""
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # redis-py may have swallowed it, while there is much to read
            answer: Any = await self.redis.xread({self.stream: self._last_id}, BATCH, BLOCK_MS)
            for _, entries in answer or ():
                for entry_id, fields in entries:
                    self._receive(fields)
                    self._last_id = entry_id.decode()

    async def run_prober(self) -> None:
        """Once a second, see whether delivery works. Raises RedisError."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_EVERY_S)

    async def probe(self) -> None:
        """Make our own stream if need be, and see whether what goes in comes out."""
        async with self.redis.pipeline(transaction=False) as pipe:
            entry = self._entry(self.node_id, [], "probe")
            pipe.xadd(self.stream, entry, maxlen=STREAM_LENGTH)
            pipe.pexpire(self.stream, STREAM_TTL_MS)
            pipe.xtrim(self.stream, minid=self._last_id, approximate=True)  # what we have read
            now = time.time()
            if self.has_postgres():
                pipe.zadd(self.healthy, {self.node_id: now})
            pipe.zremrangebyscore(self.healthy, "-inf", now - HEALTHY_S)
            pipe.zrange(self.healthy, 0, -1)
            *_, healthy = await pipe.execute()
        self._wrote(self.node_id)
        self.peer_has_postgres = bool(set(healthy) - {self.node_id.encode()})

    async def announce(self) -> None:
        """Tell the peers that we are here, so that they publish to us at once."""
        await self._write(sorted(self.peers), [], "joined")

    async def close(self) -> None:
        """Take our stream away, so that peers stop writing to it. Never raises."""
        try:
            await self.redis.delete(self.stream)
            await self.redis.zrem(self.healthy, self.node_id)
        except (RedisError, OSError):
            self.telemetry.log.info("redis is away; the stream of this node ends by its time")
        await self.redis.aclose()

    async def _write(
        self,
        peers: list[str],
        deliveries: list[Delivery],
        control: Control | None = None,
        touched: tuple[UUID, ...] = (),
    ) -> None:
        async with self.redis.pipeline(transaction=False) as pipe:
            for peer in peers:
                entry = self._entry(peer, deliveries, control, touched)
                pipe.xadd(self._stream(peer), entry, maxlen=STREAM_LENGTH, nomkstream=True)
            written = await pipe.execute()
        for peer, entry_id in zip(peers, written, strict=True):
            self._wrote(peer)
            if entry_id is None:
                self._gone(peer, len(deliveries))
        self.telemetry.bus.labels("written").inc(len(peers))

    def _gone(self, peer: str, deliveries: int) -> None:
        """Its stream is: the node has ended, or Redis forgot it, and a beat brings it back."""
        self.peers.discard(peer)
        self._counters.pop(peer, None)
        self._seen.pop(peer, None)
        self.telemetry.bus.labels("unroutable").inc(deliveries)

    def _entry(
        self,
        peer: str,
        deliveries: list[Delivery],
        control: Control | None,
        touched: tuple[UUID, ...] = (),
    ) -> dict[FieldT, EncodableT]:
        counter = self._counters.get(peer, 0) + 1
        return {"b": pack(Entry(self.node_id, counter, deliveries, control, touched))}

    def _wrote(self, peer: str) -> None:
        """Only now: an entry that could not be written comes again, and must not look lost."""
        self._counters[peer] = self._counters.get(peer, 0) + 1

    def _receive(self, fields: dict[bytes, bytes]) -> None:
        try:
            entry = unpack(fields[b"b"])
        except (UnreadableEntry, KeyError) as error:
            self.telemetry.bus.labels("unreadable").inc()
            self.telemetry.log.warning("bus entry skipped", cause=str(error))
            self.on_break()
            return
        self._count(entry)
        if entry.control == "probe":
            self.last_probe = time.monotonic()
        elif entry.control == "joined":
            self.peers.add(entry.publisher)
        elif entry.control == "ended":
            self.on_ended()
        if entry.touched:
            self.on_touched(entry.touched)
        for delivery in entry.deliveries:
            try:
                self.deliver(delivery)
            except Exception as error:  # or this entry would be read, and fail, for ever
                self.telemetry.bus.labels("undelivered").inc()
                cause = f"{type(error).__name__}: {error}"
                self.telemetry.log.error("bus delivery failed", cause=cause)

    def _count(self, entry: Entry) -> None:
        seen = self._seen.get(entry.publisher)
        if entry.counter != (seen or 0) + 1:
            self.on_break()
        if seen is not None and entry.counter > seen + 1:
            self.telemetry.bus.labels("lost").inc(entry.counter - seen - 1)
        self._seen[entry.publisher] = entry.counter

    def _stream(self, node_id: str) -> str:
        return f"{self.prefix}:node:{node_id}"
