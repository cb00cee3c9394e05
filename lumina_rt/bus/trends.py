"""What trends, as one node has found it and all read it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

TTL_S = 600
"""As the schema that the product was asked for says (trending:topics, 10 minutes)."""


class Away(Exception):
    """Redis did not answer in time."""


@dataclass(frozen=True, slots=True)
class Found:
    at_ms: int
    """When, since 1970, by the clock of who found it."""
    topic_ids: tuple[UUID, ...]
    """The best first."""


@dataclass(frozen=True, slots=True)
class Trends:
    """`redis` is a client that gives up soon, see limits.connect."""

    redis: Redis
    prefix: str

    async def read(self, window: str) -> Found | None:
        """None when nobody has found anything for a while. Raises Away."""
        try:
            kept = await self.redis.get(self._key(window))
        except (RedisError, OSError, TimeoutError) as error:
            raise Away from error
        return None if kept is None else _unpack(kept)

    async def write(self, window: str, found: Found) -> None:
        """Raises Away."""
        kept = orjson.dumps([found.at_ms, [str(topic_id) for topic_id in found.topic_ids]])
        try:
            await self.redis.set(self._key(window), kept, ex=TTL_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise Away from error

    def _key(self, window: str) -> str:
        return f"{self.prefix}:trending:topics:{window}"


def _unpack(kept: bytes | str) -> Found | None:
    """None of what another version has written."""
    try:
        at_ms, ids = orjson.loads(kept)
        return Found(int(at_ms), tuple(map(UUID, ids)))
    except (ValueError, TypeError, AttributeError):
        return None
