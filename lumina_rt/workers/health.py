"""Once a second: is this node alone in its trouble? Then its clients are better off elsewhere.

It asks over the channel that it still has: cut from Redis, it reads in Postgres whether the bus of
a peer works; cut from Postgres, in Redis whether a peer writes to Postgres. A fault that all
share, or of a node without peers, sends nobody away: there is nowhere better to go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lumina_rt.bus.bus import Bus
from lumina_rt.workers.heartbeat import FRESH_S, Heartbeat

EVERY_S = 1.0
FAULT_S = 10.0
"""A fault that is shorter is waited out."""


@dataclass(frozen=True, slots=True)
class Seen:
    bus_age_s: float
    """Since our probe last came back."""
    postgres_age_s: float
    """Since Postgres last took our heartbeat."""
    peer_has_bus: bool
    """As Postgres said then."""
    peer_has_postgres: bool
    """As Redis said then."""


def cut_off(seen: Seen) -> bool:
    """Whether this node alone is without one of the two."""
    from_redis = seen.bus_age_s >= FAULT_S and seen.postgres_age_s < FRESH_S
    from_postgres = seen.postgres_age_s >= FAULT_S and seen.bus_age_s < FRESH_S
    return (from_redis and seen.peer_has_bus) or (from_postgres and seen.peer_has_postgres)


@dataclass(slots=True)
class Health:
    heartbeat: Heartbeat
    bus: Bus
    tell: Callable[[bool], None]
    """Whether the node is cut off; told again and again."""
    began: float = field(default_factory=time.monotonic)
    """What has not come yet is missing from here on."""

    async def run(self) -> None:
        while True:
            self.tell(cut_off(self.look()))
            await asyncio.sleep(EVERY_S)

    def look(self) -> Seen:
        now = time.monotonic()
        return Seen(
            bus_age_s=now - max(self.bus.last_probe, self.began),
            postgres_age_s=now - max(self.heartbeat.last_beat, self.began),
            peer_has_bus=self.heartbeat.peer_has_bus,
            peer_has_postgres=self.bus.peer_has_postgres,
        )
