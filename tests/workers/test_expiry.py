"""The wiping of what has expired, a conversation at a time."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from lumina_protocol.fields import uuid7

from lumina_rt.config import Settings
from lumina_rt.telemetry import Telemetry
from lumina_rt.workers.expiry import Expiry
from tests.workers.rows import add, conversation, database, user

OPEN = "select array_agg(conversation_id) from messages where not is_deleted"
HOLD = "select from messages where conversation_id = $1 for no key update"
AGAIN = (
    "update messages set expires_at = now(), content = 'x', is_deleted = false, deleted_at = null"
)
FAILED = "lumina_task_failures_total"


async def expired(pg: asyncpg.Connection, talk: UUID, sender_id: UUID) -> None:
    await add(
        pg, "messages", conversation_id=talk, message_id=uuid7(), seq=1, rev=1, content="x",
        sender_id=sender_id, content_digest=bytes(16), is_ephemeral=True,
    )  # fmt: skip


async def test_a_conversation_that_cannot_be_wiped_now_does_not_hold_up_the_others(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    alice, telemetry = await user(pg), Telemetry("test")
    talks = [await conversation(pg, alice) for _ in range(2)]
    for talk in talks:
        await expired(pg, talk, alice)
    async with database(settings, lock_timeout_ms=100) as db:
        for held in talks:  # whichever comes first
            await pg.execute(AGAIN)
            async with pg.transaction():
                await pg.execute(HOLD, held)
                await Expiry(db, telemetry).turn()
                assert await pg.fetchval(OPEN) == [held]
        await Expiry(db, telemetry).turn()
        assert await pg.fetchval(OPEN) is None
    assert telemetry.registry.get_sample_value(FAILED, {"task": "expiry"}) == 2
