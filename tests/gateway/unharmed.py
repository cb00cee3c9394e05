"""A node to be mistreated, that has to come out of it as it was."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from lumina_protocol.conversations import ListConversations
from lumina_protocol.session import Ping

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.gateway.wire import TIMEOUT_S, new_token
from tests.house import nodes


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(logging.Formatter("%(name)s: %(message)s").format(record))


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """Also catches what the event loop reports: exceptions in callbacks, lost tasks."""
    handler = _Errors()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
    assert not handler.seen, "\n".join(handler.seen)


@asynccontextmanager
async def unharmed(settings: Settings, **changes: object) -> AsyncIterator[Node]:
    """One node; after the block it must still serve, and nothing may have failed in it."""
    with no_errors_logged():
        async with nodes(settings, 1, **changes) as (node,):
            yield node
            await serves(node)
            nothing_failed(node)


async def serves(node: Node) -> None:
    """The proof that a good client is served: public, private, and with the database."""
    token = await new_token(node)
    async with Client(node.url, token=token) as client:
        assert (await client.call(Ping())).time > 0
        assert (await client.call(ListConversations())).conversations == []


def nothing_failed(node: Node) -> None:
    failures = [
        f"{sample.name}{sample.labels}"
        for metric in node.telemetry.registry.collect()
        for sample in metric.samples
        if sample.value
        and (
            sample.name == "lumina_task_failures_total"
            or (sample.name.endswith("_count") and sample.labels.get("outcome") == "internal")
        )
    ]
    assert not failures, failures


def count(node: Node, metric: str, **labels: str) -> float:
    """The value of one sample of the node's metrics; 0 while it is not there."""
    return node.telemetry.registry.get_sample_value(metric, labels) or 0.0


@asynccontextmanager
async def database_held(node: Node) -> AsyncIterator[None]:
    """Requests that need the database wait in the middle, for as long as the block lasts."""
    pool = node.heartbeat.db.pool
    async with AsyncExitStack() as stack:
        for _ in range(node.settings.database_pool):
            await stack.enter_async_context(pool.acquire())
        yield


async def until(true: Callable[[], bool]) -> None:
    """For what can be seen inside of the node only."""
    async with asyncio.timeout(TIMEOUT_S):
        while not true():
            await asyncio.sleep(0)
