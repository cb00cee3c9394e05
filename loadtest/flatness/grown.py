"""Databases of several sizes, each with a node and some of their users."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import psutil
from lumina_protocol.conversations import ListConversations
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import SendMessage

from loadtest.bench.people import lend, logged_in
from loadtest.data.fill import fill
from loadtest.data.scale import Scale
from loadtest.errors import CannotStart
from loadtest.fanout import CONTENT
from loadtest.screen import Screen
from loadtest.stage import Stage, ground, running
from lumina_rt.client.link import Link

READERS = 8
"""Users whose work is measured: they follow about as many others, whatever the size."""
ALIKE = """
select f.follower_id from follows f
where f.connection_type <> 'blocked' and exists (
    select from conversation_participants p join conversations c using (conversation_id)
    where p.user_id = f.follower_id and c.conversation_type = 'direct' and c.last_seq > 25)
group by f.follower_id having count(*) between 12 and 30
order by abs(count(*) - 20), f.follower_id limit $1"""
PAGE = 20


@dataclass(frozen=True, slots=True)
class Grown:
    """So many messages, and as many posts."""

    rows: int
    on: Stage
    postgres: psutil.Process
    database_url: str


@dataclass(frozen=True, slots=True)
class Reader:
    link: Link
    talks: list[tuple[UUID, int]]
    """Conversations that are more than a page long: id and last seq."""
    writes_to: UUID
    """One of two, of which nobody has blocked the other."""


@contextmanager
def grown(screen: Screen, rows: int) -> Iterator[Grown]:
    """Raises as `ground`, `running` and `fill` do."""
    with ground(screen) as there:
        url = there.settings["LUMINA_DATABASE_URL"]
        with screen.step(f"filling in {rows:,} messages and posts"):
            asyncio.run(fill(url, Scale(rows, rows)))
        with running(screen, there.settings) as on:
            yield Grown(rows, on, there.postgres, url)


@asynccontextmanager
async def readers(of: Grown) -> AsyncIterator[list[Reader]]:
    """Raises CannotStart when there are none."""
    connection = await asyncpg.connect(of.database_url)
    try:
        found = [row[0] for row in await connection.fetch(ALIKE, READERS)]
    finally:
        await connection.close()
    async with AsyncExitStack() as stack:
        names = await lend(of.on.url, of.database_url, found)
        links = [await stack.enter_async_context(logged_in(of.on.url, name)) for name in names]
        there = [reader for link in links if (reader := await _reader(link))]
        if not there:
            raise CannotStart(f"among {of.rows:,} messages nobody talks enough: more --rows")
        yield there


async def _reader(link: Link) -> Reader | None:
    """None when nobody takes a message from them."""
    listed = (await link.call(ListConversations())).conversations
    talks = [(one.conversation_id, one.last_seq) for one in listed if one.last_seq > PAGE + 5]
    for one in random.Random(1).sample(listed, len(listed)):
        if one.conversation_type == "direct":
            try:
                await link.call(message(one.conversation_id))
            except LuminaError:
                continue
            return Reader(link, talks, one.conversation_id) if talks else None
    return None


def message(conversation_id: UUID) -> SendMessage:
    return SendMessage(conversation_id=conversation_id, message_id=uuid7(), content=CONTENT)
