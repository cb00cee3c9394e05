"""Which history the database has: a restore and a failover begin another one.

What was acknowledged in the old one may be gone, and its numbers may come again for something else:
so whoever remembers them, a node or a client, has to forget. The epoch says when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

RAISE = query("cluster.raise_epoch")
HISTORY = query("cluster.history")


class History(NamedTuple):
    epoch: int
    system_identifier: int
    timeline: int


@dataclass(slots=True)
class Epoch:
    """What this node has seen last. `look` in a transaction, `take` what it saw when that has
    committed."""

    changed: Callable[[int, int], None]
    """Called with the old epoch and the new one; not for the first that is seen."""
    known: History | None = None

    def current(self) -> int:
        """Raises LookupError before the first is known, which is before the node listens."""
        if self.known is None:
            raise LookupError("no epoch has been read yet")
        return self.known.epoch

    async def look(self, tx: Tx) -> History:
        """Raise the epoch if the history is another than the one it stands for, and read it."""
        await tx.run(RAISE, known_epoch=self.known.epoch if self.known else 0)
        return History(**await tx.one(HISTORY))

    def take(self, seen: History) -> None:
        before, self.known = self.known, seen
        if before is not None and before != seen:
            self.changed(before.epoch, seen.epoch)
