"""The nodes of a bench: each differs from `node` in one thing, and all live side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from loadtest.data.fill import fill
from loadtest.data.scale import Scale
from loadtest.screen import Screen
from loadtest.stage import Ground, Stage, ground, running

POSTS = 1000
DATABASE = "LUMINA_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Grown:
    """A node on a database with so many messages of made-up people."""

    messages: int
    on: Stage
    database_url: str


@dataclass(frozen=True, slots=True)
class Theatre:
    engines: Ground
    node: Stage
    alone: Stage
    """Commits each message in a transaction of its own."""
    second: Stage
    """Like `node`; both are of one server."""
    little: Grown
    much: Grown


@contextmanager
def theatre(screen: Screen, little: int, much: int) -> Iterator[Theatre]:
    """Raises as `ground`, `running` and `fill` do."""
    with ExitStack() as stack:
        near, far = (stack.enter_context(_filled(screen, rows)) for rows in (little, much))

        def start(there: Ground, more: Mapping[str, str]) -> Stage:
            return stack.enter_context(running(screen, {**there.settings, **more}))

        node = start(near, {})
        yield Theatre(
            near,
            node,
            start(near, {"LUMINA_NODE": "alone", "LUMINA_MAX_BATCH": "1"}),
            start(near, {"LUMINA_NODE": "second"}),
            Grown(little, node, near.settings[DATABASE]),
            Grown(much, start(far, {}), far.settings[DATABASE]),
        )


@contextmanager
def _filled(screen: Screen, messages: int) -> Iterator[Ground]:
    with ground(screen) as there:
        with screen.step(f"filling in {messages:,} messages"):
            asyncio.run(fill(there.settings[DATABASE], Scale(messages, POSTS)))
        yield there
