"""What waits in a circle: Postgres ends one of it, and nobody is told that the server failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.pins import PinMessage

from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.locks import awaited
from tests.oracle import oracle

GIVES_WAY = """
do $$ begin
    execute format('alter database %I set deadlock_timeout = ''300ms''', current_database());
end $$"""
"""In connections to come: whoever looks first for a circle is the one that gives way."""
COUNTED = "lumina_deadlocks_total"


@asynccontextmanager
async def circle(pg: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """What is begun in the block locks the conversation, and then wants the table. It has given way
    when the block has ended."""
    async with pg.transaction():
        await pg.execute("set local deadlock_timeout = '1min'")
        await pg.execute(f"lock table {table} in exclusive mode")
        yield
        await awaited(pg)
        # Not its row: who has given way and tries again could take that before we are awake.
        await pg.execute("lock table conversations in exclusive mode")


async def test_who_gives_way_in_a_deadlock_is_told_to_come_again_and_a_batch_does_by_itself(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    await pg.execute(GIVES_WAY)
    async with nodes(settings, 1, lock_timeout_ms=5000) as (node,):
        await register(node, "alice", "bob")
        async with user(node, "alice") as alice, user(node, "bob") as bob, oracle(alice, bob):
            talk = await open_conversation(alice, "bob")
            async with circle(pg, "messages"):
                sending = asyncio.create_task(say(alice, talk, "hello"))
            sent = await sending
            assert node.telemetry.registry.get_sample_value(COUNTED) == 1
            pin = PinMessage(conversation_id=talk, message_id=sent.message_id, op_id=uuid7())
            async with circle(pg, "message_pins"):
                pinning = asyncio.create_task(alice.call(pin))
            (refused,) = await asyncio.gather(pinning, return_exceptions=True)
            assert isinstance(refused, LuminaError)
            assert (refused.body.code, refused.body.retry_after_ms) == ("unavailable", 1000)
            assert node.telemetry.registry.get_sample_value(COUNTED) == 2
            assert (await alice.call(pin)).changed
