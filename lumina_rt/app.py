"""All the wiring of a node: settings -> engines -> services -> one task group; SIGTERM -> drain."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import anyio
from aiohttp import web
from lumina_protocol.errors import CloseCode, Unavailable

import lumina_rt.handlers  # noqa: F401  (fills the router)
from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.blobs.opening import open_blobs
from lumina_rt.blobs.rules import MediaRules
from lumina_rt.bus.bus import Bus
from lumina_rt.bus.bus import connect as connect_redis
from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.bus.limits import SharedLimits
from lumina_rt.bus.limits import connect as connect_limits
from lumina_rt.bus.presence import Registry
from lumina_rt.bus.trends import Trends
from lumina_rt.calm import Calm
from lumina_rt.config import ConfigError, Settings
from lumina_rt.credentials import Passwords
from lumina_rt.feeds import Feeds
from lumina_rt.gate import Filling, Gate, Read
from lumina_rt.gateway.framing import websocket_frame
from lumina_rt.gateway.gateway import Gateway
from lumina_rt.gateway.trace import sessions_of
from lumina_rt.http.faults import FAULTS
from lumina_rt.http.operations import Operations
from lumina_rt.http.private import private_app
from lumina_rt.http.server import public_server
from lumina_rt.http.trace import Asked
from lumina_rt.hub import Hub
from lumina_rt.letters import Letters
from lumina_rt.limits import Limits
from lumina_rt.links import Links
from lumina_rt.pages import fillings
from lumina_rt.preflight import examine, refuse_problems
from lumina_rt.presence import Presence
from lumina_rt.router import Services
from lumina_rt.smtp import read_sender, read_server
from lumina_rt.store import db as store
from lumina_rt.store.db import Db, Emitted
from lumina_rt.store.group_commit import Writers
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry
from lumina_rt.tokens import AccessTokens, RefreshTokens
from lumina_rt.trending import Trending
from lumina_rt.watching import Watching
from lumina_rt.workers.blobs import BlobRemovals
from lumina_rt.workers.counters import Counters
from lumina_rt.workers.epoch import Epoch
from lumina_rt.workers.expiry import Expiry
from lumina_rt.workers.exports import ArchiveWorker
from lumina_rt.workers.health import Health
from lumina_rt.workers.heartbeat import Heartbeat
from lumina_rt.workers.mailer import Mailer
from lumina_rt.workers.notifications import Notifications
from lumina_rt.workers.partitions import Partitions
from lumina_rt.workers.processing import Processing
from lumina_rt.workers.publishing import Publishing
from lumina_rt.workers.purge import Purge
from lumina_rt.workers.revocations import Revocations
from lumina_rt.workers.scheduled import Scheduled
from lumina_rt.workers.tail import Tail
from lumina_rt.workers.trending import TrendFinder

if TYPE_CHECKING:
    from lumina_rt.store.db import Pool

CLUSTER = query("cluster.identity")
RETRY_S, MAX_RETRY_S = 0.1, 5.0
CANCEL_AGAIN_S = 0.5
FLUSH_S = 2.0
CLOSE_POOL_S = 5.0
RESUMES_AT_ONCE = 4
"""Of the pool's connections, so that those who are live are served as well."""
SEND_AWAY_S = 2.0


class PortTaken(OSError):
    """The address cannot be listened on; the message names the setting to change."""


@dataclass(slots=True)
class Node:
    """A running node."""

    settings: Settings
    gateway: Gateway
    bus: Bus
    heartbeat: Heartbeat
    partitions: Partitions
    gate: Gate
    tail: Tail
    revocations: Revocations
    telemetry: Telemetry
    services: Services
    calm: Calm
    port: int = 0
    private_port: int = 0

    def checks(self) -> dict[str, bool]:
        return {
            "postgres": self.heartbeat.is_fresh,
            "delivery": self.bus.probe_is_fresh or self.tail.is_fresh,
            "serving": not self.gateway.draining and not self.gateway.cut_off,
        }

    def trace(self, asked: Asked) -> dict[str, object]:
        """What became of a change of a conversation here."""
        had = self.gate.had(asked.conversation_id)
        return {
            "node": self.bus.node_id,
            "passed": None if had is None else had >= asked.rev,
            "sessions": sessions_of(self.gateway, asked.users),
        }

    @property
    def private_url(self) -> str:
        host = self.settings.private_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.private_port}"

    @property
    def url(self) -> str:
        scheme, host = "wss" if self.gateway.certificates else "ws", self.settings.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/v1/socket"


async def serve(settings: Settings, started: Callable[[Node], None]) -> None:
    """Run a node until SIGTERM or SIGINT; then drain. A second signal ends at once."""
    hangup = [signal.SIGHUP] if settings.tls_cert else []
    with (
        anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
        anyio.open_signal_receiver(*hangup) as hangups,
    ):
        async with run(settings) as node, anyio.create_task_group() as tasks:
            tasks.start_soon(_load_certificates, node, hangups)
            started(node)
            await anext(signals)
            node.telemetry.log.info("draining")
            tasks.start_soon(_drain, node, tasks.cancel_scope)
            await anext(signals)
            tasks.cancel_scope.cancel()


async def _load_certificates(node: Node, hangups: AsyncIterator[signal.Signals]) -> None:
    """Anew at each SIGHUP; a file that is broken changes nothing."""
    async for _ in hangups:
        assert node.gateway.certificates
        try:
            node.gateway.certificates.load_anew()
        except ConfigError as error:
            node.telemetry.certificate_kept(error)
        else:
            node.telemetry.certificate_loaded()


async def _drain(node: Node, scope: anyio.CancelScope) -> None:
    await node.gateway.drain()
    scope.cancel()


@asynccontextmanager
async def run(settings: Settings) -> AsyncIterator[Node]:
    """A node that is ready when the block begins, and gone when it has ended.

    Raises StoreUnreachable, PreflightError, RedisError, ConfigError or PortTaken when it cannot
    start.
    """
    telemetry = Telemetry(settings.node)
    async with AsyncExitStack() as stack:
        node = await _build(settings, telemetry, stack)
        loops = _loops(node).items()
        tasks = [asyncio.create_task(keep_running(*item, telemetry)) for item in loops]
        stack.push_async_callback(_stop, tasks)
        await _listen(node, stack)
        stack.push_async_callback(_end, node)
        yield node


def _loops(node: Node) -> dict[str, Callable[[], Awaitable[None]]]:
    return {
        **_mailer(node),
        "bus.reader": node.bus.run_reader,
        "bus.publisher": node.bus.run_publisher,
        "bus.prober": node.bus.run_prober,
        "heartbeat": node.heartbeat.run,
        "gateway.wheel": node.gateway.wheel.run,
        "partitions": node.partitions.run,
        "writers": node.services.writers.run,
        "gate": node.gate.run,
        "tail": node.tail.run,
        "revocations": node.revocations.run,
        "presence": node.services.presence.run,
        "calm": node.calm.run,
        "watching": node.services.watching.run,
        "feeds": node.services.feeds.run,
        "health": Health(node.heartbeat, node.bus, node.gateway.set_cut_off).run,
        "exports": _exports(node).run,
        "blobs": BlobRemovals(node.services.db, node.services.blobs).run,
        **_processing(node),
        "counters": Counters(node.services.db).run,
        "expiry": Expiry(node.services.db, node.telemetry).run,
        "notifications": Notifications(node.services.db, node.settings.notify_after_s).run,
        "publishing": Publishing(node.services.db, node.telemetry).run,
        "scheduled": Scheduled(node.services.db, node.services.hash_key, node.telemetry).run,
        "trending": TrendFinder(node.services.db, node.services.trending.shared).run,
        "purge": Purge(node.services.db, node.settings, node.telemetry).run,
    }


def _processing(node: Node) -> dict[str, Callable[[], Awaitable[None]]]:
    services, settings = node.services, node.settings
    folder = settings.media_work_dir or Path(tempfile.gettempdir()) / f"lumina-{os.getuid()}"
    worker = Processing(services.db, services.blobs, node.telemetry, folder, services.uploaded)
    return {f"processing.{number}": worker.run for number in range(settings.media_at_once)}


def _exports(node: Node) -> ArchiveWorker:
    services = node.services
    blobs = LocalBlobs(node.settings.blob_dir)
    return ArchiveWorker(services.db, blobs, services.keyring, node.telemetry)


def _mailer(node: Node) -> dict[str, Callable[[], Awaitable[None]]]:
    """None where no mail server is set up."""
    settings, services = node.settings, node.services
    if settings.smtp_url is None or settings.mail_from is None:
        return {}
    server = read_server(settings.smtp_url.get_secret_value())
    sender = read_sender(settings.mail_from)
    posted, keyring = services.letters.posted, services.keyring
    return {"mailer": Mailer(services.db, keyring, server, sender, posted, node.telemetry).run}


async def _build(settings: Settings, telemetry: Telemetry, stack: AsyncExitStack) -> Node:
    """Connect what a node is made of. What is opened here, the stack closes."""
    pool = await _connect(settings)
    stack.push_async_callback(store.close, pool, within=CLOSE_POOL_S)
    redis = connect_redis(settings.redis_url)
    stack.push_async_callback(redis.aclose)
    shared = _shared_limits(settings, stack)
    refuse_problems(await examine(settings, pool, redis))
    epoch = Epoch(lambda before, after: _begin_anew(node, before, after))
    hub = Hub(websocket_frame, settings.max_sessions_per_user, telemetry)
    node_id = f"{settings.node}#{secrets.token_hex(4)}"
    gate = Gate(hub, changes_in(pool), telemetry)
    bus = Bus(redis, settings.redis_prefix, node_id, gate.arrive, telemetry)
    db = Db(pool, publisher(gate, bus), node_id, deadlocked=telemetry.deadlocked)
    calm, presence = _attendance(settings, hub, bus, db, telemetry)
    watching, feeds = _watching(hub, bus, db, telemetry)
    tail = Tail(db, gate, lambda: bus.probe_is_fresh)
    bus.on_ended = (revocations := Revocations(db)).look
    services = Services(
        db=db,
        access_tokens=AccessTokens(settings.secrets, settings.token_ttl_s),
        refresh_tokens=RefreshTokens(settings.secrets),
        links=Links(settings.secrets),
        blobs=await open_blobs(settings, stack),
        media=MediaRules.of(settings),
        session_days=settings.session_days,
        delete_after_days=settings.delete_after_days,
        sessions_ended=_both(revocations.look, bus.say_ended),
        passwords=Passwords(settings.logins_waiting, settings.password_rounds),
        keyring=(keyring := settings.keyring()),
        letters=Letters(keyring, settings.public_url if settings.smtp_url else None),
        writers=Writers(db, settings.max_batch, committed=telemetry.batch_committed),
        hash_key=(hash_key := await _hash_key(db)),
        telemetry=telemetry,
        limits=Limits(settings, shared, hash_key, telemetry),
        resumes=asyncio.Semaphore(RESUMES_AT_ONCE),
        when_told=tail.when_told,
        covered=gate.covered,
        presence=presence,
        watching=watching,
        feeds=feeds,
        trending=Trending(db, Trends(shared.redis, settings.redis_prefix)),
        epoch=epoch.current,
    )
    operations = Operations(settings, services)
    http_server = await public_server(settings, operations, stack)
    operations.door = gateway = Gateway(settings, services, hub, http_server)
    revocations.end = gateway.end
    gateway.has_ended = lambda session_id: session_id in revocations.ended
    heartbeat = Heartbeat(db, bus, epoch)
    bus.has_postgres = lambda: heartbeat.is_fresh
    stack.push_async_callback(_leave, bus, heartbeat, presence, telemetry)
    partitions = Partitions(db, telemetry)
    await partitions.prepare()
    await tail.begin()
    await presence.begin()
    parts = gateway, bus, heartbeat, partitions, gate, tail, revocations, telemetry, services, calm
    node = Node(settings, *parts)
    await heartbeat.join()
    return node


async def _hash_key(db: Db) -> bytes:
    async with db.read() as tx:
        return bytes((await tx.one(CLUSTER))["hash_key"])


def _shared_limits(settings: Settings, stack: AsyncExitStack) -> SharedLimits:
    shared = SharedLimits(connect_limits(settings.redis_url), settings.redis_prefix)
    stack.push_async_callback(shared.redis.aclose)
    return shared


async def _connect(settings: Settings) -> Pool:
    return await store.connect(
        settings.database_url,
        size=settings.database_pool,
        lock_timeout_ms=settings.lock_timeout_ms,
    )


def _attendance(
    settings: Settings, hub: Hub, bus: Bus, db: Db, telemetry: Telemetry
) -> tuple[Calm, Presence]:
    calm = hub.quiet = Calm(db, hub.give, settings.calm_s)
    registry = Registry(bus.redis, bus.prefix, bus.node_id)
    times = settings.presence_linger_s, settings.calm_s
    made = Presence(registry, db, websocket_frame, *times, telemetry, calm.users)
    hub.attendance = made
    return calm, made


def _watching(hub: Hub, bus: Bus, db: Db, telemetry: Telemetry) -> tuple[Watching, Feeds]:
    """Here it is marked at once, before whoever has changed it is answered."""
    watching = Watching(db, websocket_frame, lambda: bus.probe_is_fresh, telemetry)
    feeds = Feeds(db, websocket_frame, lambda: bus.probe_is_fresh)
    hub.left += [watching.left, feeds.left]

    def mark(subject_ids: Collection[UUID]) -> None:
        watching.mark(subject_ids)
        feeds.mark(subject_ids)

    def touch(subject_ids: Collection[UUID]) -> None:
        mark(subject_ids)
        bus.touch(subject_ids)

    bus.on_touched, bus.on_break, db.touch = mark, _both(watching.mark_all, feeds.missed), touch
    return watching, feeds


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def _begin_anew(node: Node, before: int, after: int) -> None:
    """The database has another history: nothing that was known of the old one is known now."""
    node.telemetry.history_changed(before, after)
    node.gate.forget()
    node.tail.forget()
    reason = "the history of the database has changed; reconnect and resume"
    node.gateway.close_all(CloseCode.HISTORY_CHANGED, reason, SEND_AWAY_S)


def publisher(gate: Gate, bus: Bus) -> Callable[[list[Emitted]], None]:
    """The one way out of a commit: on the next tick, to those here and to the other nodes."""
    loop = asyncio.get_running_loop()

    def send(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            gate.arrive(delivery)
        bus.publish(deliveries)

    def publish(emitted: list[Emitted]) -> None:
        loop.call_soon(send, deliveries(emitted))

    return publish


def changes_in(pool: Pool) -> Read:
    """What the gate fills holes with."""
    db = Db(pool, lambda emitted: None)

    async def read(revs: Mapping[UUID, int]) -> list[Filling]:
        async with db.read() as tx:
            return await fillings(tx, revs)

    return read


def deliveries(emitted: list[Emitted]) -> list[Delivery]:
    return [Delivery(keys(e.to), e.payload, e.place, keys(e.blind)) for e in emitted]


async def _end(node: Node) -> None:
    """Of a drain that a second signal has cut short, only the end is left to do."""
    await node.gateway.drain()
    node.gateway.abort()
    await node.bus.flush(FLUSH_S)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancelled once, and not at every await as by anyio, so that a transaction can be rolled back;
    and again a little later, since a library below may have swallowed the first."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


async def keep_running(
    name: str, loop: Callable[[], Awaitable[None]], telemetry: Telemetry
) -> None:
    """Run a background loop for ever: a failure is logged and counted, and the loop starts again
    after a back-off with full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015)."""
    retry_s, task = RETRY_S, asyncio.current_task()
    assert task is not None
    while not task.cancelling():  # a library below may have swallowed it
        began = asyncio.get_running_loop().time()
        try:
            await loop()
        except Exception as error:
            if asyncio.get_running_loop().time() - began > MAX_RETRY_S:
                retry_s = RETRY_S
            delay = random.uniform(RETRY_S / 2, retry_s)
            telemetry.task_failed(name, error, delay)
            await asyncio.sleep(delay)
            retry_s = min(retry_s * 2, MAX_RETRY_S)


async def _listen(node: Node, stack: AsyncExitStack) -> None:
    settings = node.settings
    try:
        node.port = await node.gateway.listen()
    except OSError as error:
        raise PortTaken(_taken(settings.host, settings.port, "LUMINA_PORT", error)) from error
    private = web.AppRunner(
        private_app(node.telemetry, node.checks, node.trace),
        handle_signals=False,
        access_log=None,
        logger=FAULTS,
    )
    await private.setup()
    stack.push_async_callback(private.cleanup)
    site = web.TCPSite(private, settings.private_host, settings.private_port)
    try:
        await site.start()
    except OSError as error:
        where = settings.private_host, settings.private_port
        raise PortTaken(_taken(*where, "LUMINA_PRIVATE_PORT", error)) from error
    node.private_port = private.addresses[0][1]
    node.heartbeat.private_url = settings.private_url or node.private_url
    with suppress(Unavailable):  # it has listened by now, and the heartbeat goes on trying
        await node.heartbeat.beat()


def _taken(host: str, port: int, setting: str, error: OSError) -> str:
    return (
        f"cannot listen on {host}:{port} ({error.strerror or error}); set {setting} to a free port"
    )


async def _leave(bus: Bus, heartbeat: Heartbeat, presence: Presence, telemetry: Telemetry) -> None:
    for leave in (presence.close, heartbeat.leave):
        try:
            await leave()
        except Exception as error:
            telemetry.task_failed("leave", error, 0)
    await bus.close()
