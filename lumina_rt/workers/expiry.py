"""Twice a second: wipe messages that have expired, and tell it.

Nobody sees them any more since that moment: the view `message_states` hides them by itself.
Several nodes may do it at once: one passes by what another has locked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from lumina_protocol.errors import Unavailable

from lumina_rt import changes
from lumina_rt.store.db import Db, held_up
from lumina_rt.store.queries import query
from lumina_rt.telemetry import Telemetry

DUE = query("expiry.due")
LOCK = query("expiry.lock")
EXPIRED = query("expiry.expired")

EVERY_S = 0.5
BATCH = 1000
"""Messages that one look finds at most."""


@dataclass(slots=True)
class Expiry:
    db: Db
    telemetry: Telemetry

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.turn()

    async def turn(self) -> None:
        """A transaction for each batch of a conversation. One that fails, or that others hold in
        other ways than by its row, waits for the next turn alone."""
        async with self.db.read() as tx:
            due = await tx.all(DUE, batch=BATCH)
        for row in due:
            try:
                while await self._wipe(row["conversation_id"]):
                    pass
            except Exception as error:
                if isinstance(error, Unavailable) and not held_up(error):
                    raise
                self.telemetry.passed_by("expiry", error)

    async def _wipe(self, conversation_id: UUID) -> bool:
        """Whether there may be more."""
        async with self.db.tx() as tx:
            if await tx.maybe(LOCK, conversation_id=conversation_id) is None:
                return False
            which = {"conversation_id": conversation_id, "batch": changes.BATCH}
            seqs = [row["seq"] for row in await tx.all(EXPIRED, **which)]
            if seqs:
                await changes.wipe(tx, conversation_id, seqs)
        return len(seqs) == changes.BATCH
