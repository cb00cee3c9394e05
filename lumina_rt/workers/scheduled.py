"""Once a second: send the messages whose time has come.

Several nodes may do it at once: one passes by what another holds. A message, and that it was sent,
are one commit; and it has the id that it was scheduled with, so that it is sent once, whatever
dies when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import LuminaError, Unavailable
from lumina_protocol.messages import SendMessage
from lumina_protocol.scheduled import ScheduledChanged

from lumina_rt.sending import Sending, commit, scheduled
from lumina_rt.store.db import Db, Tx, held_up
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

DUE = query("scheduled.due")
MARK = query("scheduled.mark")

EVERY_S = 1.0
BATCH = 50


@dataclass(slots=True)
class Scheduled:
    db: Db
    hash_key: bytes
    telemetry: Telemetry

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.turn()

    async def turn(self) -> None:
        """Batch after batch while they are full; where one fails, one message after the other, to
        find which it is. What others hold waits for the next turn with its conversation."""
        try:
            while await self._send(BATCH) == BATCH:
                pass
        except Exception as error:
            if isinstance(error, Unavailable) and not held_up(error):
                raise
            passed_by: list[UUID] = []
            while await self._send_one(passed_by):
                pass

    async def _send(self, batch: int) -> int:
        async with self.db.tx() as tx:
            due = await tx.all(DUE, batch=batch, passed_by=[])
            await mark(tx, due, await send(tx, due, self.hash_key))
        return len(due)

    async def _send_one(self, passed_by: list[UUID]) -> bool:
        """Whether there was one, of other conversations than these."""
        due: list[Row] = []
        try:
            async with self.db.tx() as tx:
                due = await tx.all(DUE, batch=1, passed_by=passed_by)
                await mark(tx, due, await send(tx, due, self.hash_key))
        except Unavailable as error:
            if not due or not held_up(error):
                raise
            self.telemetry.passed_by("scheduled", error)
            passed_by.append(due[0]["conversation_id"])
        except Exception as error:
            if not due:
                raise
            await self._give_up(due, error)
        return bool(due)

    async def _give_up(self, due: list[Row], error: Exception) -> None:
        """What fails by a fault of ours is not tried again by itself."""
        self.telemetry.not_sent(error)
        async with self.db.tx() as tx:
            await mark(tx, due, [said(error)])


async def send(tx: Tx, due: Sequence[Row], hash_key: bytes) -> list[str | None]:
    """Why each was refused; None of those that are sent, now or by somebody who has died then."""
    able = [row for row in due if row["refused"] is None]
    items = [Sending.of(row["user_id"], _request(row), hash_key) for row in able]
    results = iter(await commit.commit(tx, items) if items else [])
    return [row["refused"] or said(next(results)) for row in due]


def _request(row: Row) -> SendMessage:
    name = {"conversation_id": row["conversation_id"], "message_id": row["message_id"]}
    return SendMessage.model_validate({**row["body"], **name})


def said(result: object) -> str | None:
    """Of an error its code, and behind a space its field."""
    if isinstance(result, LuminaError):
        return f"{result.body.code} {result.body.field or ''}".strip()
    return "internal" if isinstance(result, Exception) else None


async def mark(tx: Tx, due: Sequence[Row], errors: Sequence[str | None]) -> None:
    """Keep what became of them, and tell it. In the order of users, in which streams are locked."""
    if not due:
        return
    rows = await tx.all(
        MARK,
        user_ids=[row["user_id"] for row in due],
        message_ids=[row["message_id"] for row in due],
        errors=errors,
    )
    for row in sorted(rows, key=lambda row: row["user_id"]):
        told = ScheduledChanged(
            conversation_id=row["conversation_id"],
            message_id=row["message_id"],
            scheduled=None if row["is_sent"] else scheduled(row),
        )
        tx.tell(told, to=[row["user_id"]])
