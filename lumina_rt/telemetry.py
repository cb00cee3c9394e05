"""Logs and metrics: one method for each event worth knowing."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import structlog
from lumina_protocol.errors import CloseCode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

KNOWN_CLOSES = {1001, 1005, 1006, *(int(code) for code in CloseCode)}
LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
BATCH_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def setup_logging(form: Literal["json", "console"], level: str) -> None:
    """Logs go to stderr, a line each: JSON for machines, or columns for people."""
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default one shows local variables, and with them passwords.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if form == "json":
        shared.append(structlog.processors.format_exc_info)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=last)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for noisy in ("aiohttp.access", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Its pool warns with a traceback at every try while Postgres is away, which we log ourselves.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
    )


@dataclass(slots=True)
class Telemetry:
    """One per node, with a registry of its own, so that several can live in one process."""

    node: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    log: structlog.stdlib.BoundLogger = field(init=False)
    connections: Gauge = field(init=False)
    closed: Counter = field(init=False)
    watched: Counter = field(init=False)
    refused: Counter = field(init=False)
    requests: Histogram = field(init=False)
    deliveries: Counter = field(init=False)
    shed: Counter = field(init=False)
    bus: Counter = field(init=False)
    gate: Counter = field(init=False)
    failures: Counter = field(init=False)
    strays: Gauge = field(init=False)
    purges: Counter = field(init=False)
    exports: Counter = field(init=False)
    media: Counter = field(init=False)
    mails: Counter = field(init=False)
    batches: Histogram = field(init=False)
    deadlocks: Counter = field(init=False)
    limited: Counter = field(init=False)
    limits_alone: Counter = field(init=False)

    def __post_init__(self) -> None:
        self.log = structlog.get_logger(node=self.node)
        r = self.registry
        self.connections = Gauge("lumina_connections", "Open websockets", registry=r)
        self.closed = Counter("lumina_closed", "Websockets closed", ["code"], registry=r)
        self.refused = Counter("lumina_refused", "Connections refused", ["why"], registry=r)
        self.requests = Histogram(
            "lumina_request_seconds", "Requests", ["op", "outcome"], buckets=LATENCY_S, registry=r
        )
        self.deliveries = Counter("lumina_deliveries", "Events given to sessions", registry=r)
        self.shed = Counter(
            "lumina_whispers_shed", "Events not given to sessions that read too slowly", registry=r
        )
        self.watched = Counter("lumina_watched", "States of what is watched", ["what"], registry=r)
        self.bus = Counter("lumina_bus_entries", "Bus entries", ["what"], registry=r)
        self.gate = Counter(
            "lumina_gate_events", "Events that did not come in order", ["what"], registry=r
        )
        self.failures = Counter("lumina_task_failures", "Background failures", ["task"], registry=r)
        self.strays = Gauge(
            "lumina_partition_strays", "Rows in default partitions", ["parent"], registry=r
        )
        self.purges = Counter("lumina_purged", "Rows removed for good", ["table"], registry=r)
        self.exports = Counter("lumina_exports", "Archives made", ["outcome"], registry=r)
        self.media = Counter("lumina_media", "Uploads processed", ["kind", "outcome"], registry=r)
        self.mails = Counter("lumina_mails", "Mails", ["purpose", "outcome"], registry=r)
        self.batches = Histogram(
            "lumina_batch_items", "Committed together", buckets=BATCH_ITEMS, registry=r
        )
        self.deadlocks = Counter("lumina_deadlocks", "Transactions that gave way", registry=r)
        self.limited = Counter("lumina_limited", "Refused by a limit", ["limit"], registry=r)
        self.limits_alone = Counter(
            "lumina_limits_alone", "Counted by this node alone: Redis was away or slow", registry=r
        )

    def metrics(self) -> bytes:
        return generate_latest(self.registry)

    def connection_closed(self, code: int) -> None:
        self.connections.dec()
        known = code in KNOWN_CLOSES  # a client may send any of a thousand others
        self.closed.labels(str(code) if known else "other").inc()

    def request_done(self, op: str, outcome: str, seconds: float) -> None:
        self.requests.labels(op, outcome).observe(seconds)

    def request_failed(self, op: str, error_id: str) -> None:
        """Called while the exception is handled; the client is told `error_id` only."""
        self.log.exception("request failed", op=op, error_id=error_id)

    def request_refused(self, op: str, code: str, cause: BaseException) -> None:
        """For a reason that the client is not told, for example why the store is away."""
        why = f"{type(cause).__name__}: {cause}"
        self.log.warning("request refused", op=op, code=code, cause=why)

    def refresh_token_reused(self, session_id: UUID) -> None:
        """Somebody has a copy: the login has ended."""
        self.log.warning(
            "a refresh token was used twice, the login is ended", session=str(session_id)
        )

    def batch_committed(self, items: int) -> None:
        """By one transaction of the group commit."""
        self.batches.observe(items)

    def deadlocked(self, error: Exception) -> None:
        """A transaction gave way to another. Its detail names processes and what they wait for."""
        self.deadlocks.inc()
        self.log.warning("deadlock", cause=f"{type(error).__name__}: {error}")

    def task_failed(self, task: str, error: BaseException, retry_s: float) -> None:
        self.failures.labels(task).inc()
        inner = error.__cause__ or error
        cause = f"{type(inner).__name__}: {inner}"
        self.log.error("background task failed", task=task, cause=cause, retry_s=round(retry_s, 2))

    def passed_by(self, task: str, error: BaseException) -> None:
        """One thing of several, which is tried again soon. What an error says may quote a value."""
        self.failures.labels(task).inc()
        cause = type(error.__cause__ or error).__name__
        self.log.warning("passed by, to be tried again", task=task, cause=cause)

    def proxy_not_trusted(self, peer: str) -> None:
        self.log.warning(
            "X-Forwarded-For is not believed: if this is your proxy, name it in "
            "LUMINA_TRUSTED_PROXIES, or all its clients share the limits of one address",
            peer=peer,
        )

    def certificate_loaded(self) -> None:
        self.log.info("the TLS certificate was loaded anew; new connections get it")

    def certificate_kept(self, error: Exception) -> None:
        self.log.error("the old TLS certificate is kept", cause=str(error))

    def history_changed(self, before: int, after: int) -> None:
        self.log.warning(
            "the history of the database has changed, by a failover or a restore: "
            "all connections are closed, and clients fetch anew",
            epoch_before=before,
            epoch=after,
        )

    def partitions_changed(self, what: Literal["made", "dropped"], parts: list[str]) -> None:
        if parts:
            self.log.info(f"partitions {what}", parts=parts)

    def partition_strays(self, parent: str, rows: int) -> None:
        """`rows` is counted to 1,000; 0 when all is well."""
        self.strays.labels(parent).set(rows)
        if rows:
            self.log.error(
                "rows are in a default partition; if this is still said in five minutes, "
                "run: lumina doctor",
                parent=parent,
                rows=rows,
            )

    def purged(self, table: str, rows: int) -> None:
        self.purges.labels(table).inc(rows)
        if rows:
            self.log.info("purged", table=table, rows=rows)

    def export_made(self, size_bytes: int) -> None:
        self.exports.labels("made").inc()
        self.log.info("export made", size_bytes=size_bytes)

    def export_failed(self, error: Exception) -> None:
        """Told to who asked; they may ask again."""
        self.exports.labels("failed").inc()
        self.log.error("export failed", cause=f"{type(error).__name__}: {error}")

    def not_sent(self, error: Exception) -> None:
        """What was to come, by a fault of ours. What the error says may quote what it says."""
        self.log.error("what was scheduled failed", cause=type(error).__name__)

    def blob_missing(self, key: str) -> None:
        self.log.error(
            "a file is not there; is LUMINA_BLOB_DIR the same folder on all nodes?", key=key
        )

    def media_processed(self, kind: str, outcome: str) -> None:
        """ "ready", or why it was refused."""
        self.media.labels(kind, outcome).inc()

    def media_not_processed(self, media_id: UUID, error: Exception) -> None:
        """No fault of the file: it is tried again."""
        cause = f"{type(error).__name__}: {error}"
        self.log.warning("media not processed", media_id=str(media_id), cause=cause)

    def mail_sent(self, purpose: str, tries: int) -> None:
        self.mails.labels(purpose, "sent").inc()
        self.log.info("mail sent", purpose=purpose, tries=tries)

    def mail_failed(self, purpose: str, cause: str, tries: int, *, over: bool) -> None:
        """A try; `over` when it was the last. `cause` never has an address in it."""
        self.mails.labels(purpose, "failed" if over else "retried").inc()
        said = "mail given up" if over else "mail not sent, to be tried again"
        self.log.warning(said, purpose=purpose, cause=cause, tries=tries)
