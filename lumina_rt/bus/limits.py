"""Limits that all nodes hold together: GCRA (see lumina_rt/gcra.py) as a Lua script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from lumina_rt.gcra import Rate, Verdict

WITHIN_S = 0.1
"""Of what a client waits for. Redis answers in less than one ms, or something is wrong with it."""
PAUSE_S = 1.0
"""How long it is not asked again after it was away, so that not everybody waits for it in vain."""
AT_ONCE = 16
"""Questions, and so connections."""
T = TypeVar("T")

# One key, whose TAT ends with it: what is past is as good as none. Redis' own clock, since those
# of the nodes differ; Redis replicates what a script does, not the script, so it may read it. A TAT
# cannot be further ahead than the window, unless the clock went back or the limit was narrowed.
TAKE = """
local interval, window, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local tat = math.min(math.max(tonumber(redis.call('GET', KEYS[1])) or now, now), now + window)
local after = math.max(tat + n * interval, now)
local wait = after - now - window
if wait > 0 then
  return {wait, tat - now}
end
if after <= now then
  redis.call('DEL', KEYS[1])
elseif n ~= 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
end
return {0, after - now}
"""


class Away(Exception):
    """Redis did not answer in time."""


def connect(url: str) -> Redis:
    """A client of its own that asks once: who waits for it does not wait for long."""
    once = Retry(NoBackoff(), 0)
    return Redis.from_url(url, socket_connect_timeout=WITHIN_S, socket_timeout=WITHIN_S, retry=once)


@dataclass(slots=True)
class SharedLimits:
    """Each call is one round trip, and raises Away at the latest after `WITHIN_S`.

    EVAL, not EVALSHA: Redis knows a script by the digest of its text anyway, and a Redis that has
    forgotten it needs no second try. A key is `{prefix}:limit:{subject}`, with the subject as hash
    tag; a subject is a digest, so that no name or address is told to Redis.
    """

    redis: Redis
    prefix: str
    now_us: Callable[[], int] | None = None
    """The clock of Redis, unless a test has one."""
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _paused_until: float = 0.0
    _late: set[asyncio.Task[Any]] = field(default_factory=set)

    async def take(
        self, takes: Sequence[tuple[str, Rate, int]], mark: str = ""
    ) -> tuple[list[Verdict], bool]:
        """Of each subject so many requests: -1 gives one back, 0 only looks. And whether `mark`
        was made. Raises Away."""
        return await self._in_time(self._take(takes, mark))

    async def remember(self, mark: str, for_us: int) -> None:
        """Make a mark. Raises Away."""
        await self._in_time(self._remember(mark, for_us))

    async def _remember(self, mark: str, for_us: int) -> None:
        await self.redis.set(self._key(mark), 1, px=for_us // 1000)

    async def _take(
        self, takes: Sequence[tuple[str, Rate, int]], mark: str
    ) -> tuple[list[Verdict], bool]:
        now = self.now_us() if self.now_us else ""
        async with self._turns, self.redis.pipeline(transaction=False) as pipe:
            for subject, rate, n in takes:
                pipe.eval(TAKE, 1, self._key(subject), rate.interval_us, rate.window_us, n, now)
            if mark:
                pipe.exists(self._key(mark))
            answers = await pipe.execute()
        known = bool(answers.pop()) if mark else False
        return [Verdict(*answer) for answer in answers], known

    async def _in_time(self, asking: Coroutine[Any, Any, T]) -> T:
        """Bound from outside: a library below may not obey a cancellation at once."""
        if time.monotonic() < self._paused_until:
            asking.close()
            raise Away
        task = asyncio.ensure_future(asking)
        self._late.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=WITHIN_S)
        if not task.done():
            task.cancel()
            error: BaseException | None = None
        elif (error := task.exception()) is None:
            return task.result()
        elif not isinstance(error, RedisError | OSError):
            raise error
        self._paused_until = time.monotonic() + PAUSE_S
        raise Away from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # seen, or asyncio would complain

    def _key(self, subject: str) -> str:
        return f"{self.prefix}:limit:{{{subject}}}"
