"""Once a second: publish the drafts whose time has come.

Several nodes may do it at once: one passes by what another holds. A post, and that its draft has
become it, are one commit, so that it is published once, whatever dies when.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import LuminaError, Unavailable
from lumina_protocol.post_drafts import PostDraftChanged

from lumina_rt import causes, posting
from lumina_rt.store.db import held_up
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Db, Row, Tx
    from lumina_rt.telemetry import Telemetry

CLOCK = query("purge.clock")
DUE = query("post_drafts.due")
PUBLISHED = query("post_drafts.published")
REFUSE = query("post_drafts.refuse")

EVERY_S = 1.0


@dataclass(slots=True)
class Publishing:
    db: Db
    telemetry: Telemetry

    async def run(self) -> None:
        """Raises Unavailable when Postgres is away; started again, it goes on."""
        while True:
            await self.turn()
            await asyncio.sleep(EVERY_S)

    async def turn(self) -> None:
        """One after the other, each in a transaction of its own. What others hold waits for the
        next turn, with all of its author."""
        passed_by: list[UUID] = []
        while await self._one(passed_by):
            pass

    async def _one(self, passed_by: list[UUID]) -> bool:
        """Whether there was one, of other authors than these. What fails by a fault of ours is not
        tried again by itself."""
        due: Row | None = None
        try:
            async with self.db.tx() as tx:
                if (due := await tx.maybe(DUE, passed_by=passed_by)) is None:
                    return False
                if due["refused"] is None:
                    await publish(tx, due)
                    return True
            why = str(due["refused"])
        except Unavailable as error:
            if due is None or not held_up(error):
                raise
            self.telemetry.passed_by("publishing", error)
            passed_by.append(due["user_id"])
            return True
        except LuminaError as error:
            why = f"{error.body.code} {error.body.field or ''}".strip()
        except Exception as error:
            self.telemetry.not_sent(error)
            why = "internal"
        if due is None:
            return False
        async with self.db.tx() as tx:
            await refuse(tx, due, why)
        return True


async def publish(tx: Tx, due: Row) -> None:
    """Raises what `post.create` names."""
    now = (await tx.one(CLOCK))["now"]
    request = posting.from_draft(due["body"], field="post")
    await posting.publish(tx, due["user_id"], request, now_ms=int(now.timestamp() * 1000))
    name = {"user_id": due["user_id"], "draft_id": due["draft_id"]}
    await tx.run(PUBLISHED, post_id=request.post_id, **name)
    told = PostDraftChanged(draft_id=due["draft_id"], post_id=request.post_id)
    tx.tell(told, to=[due["user_id"]])


async def refuse(tx: Tx, due: Row, why: str) -> None:
    """Keep why, and tell it, unless somebody has done so, or has changed it meanwhile."""
    name = {"user_id": due["user_id"], "draft_id": due["draft_id"]}
    row = await tx.maybe(REFUSE, error=why, **name)
    if row is not None:
        await causes.refused(tx, **name, why=row["error"])
        told = PostDraftChanged(draft_id=due["draft_id"], draft=posting.draft(row))
        tx.tell(told, to=[due["user_id"]])
