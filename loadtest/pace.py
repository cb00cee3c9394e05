"""Sending as fast as it is received, and no faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil

from loadtest.receiver import Crowd
from loadtest.screen import Advance
from loadtest.usage import Usage

UNDER_WAY = 4
"""Bursts that may be sent and not yet received."""
WARM_UP = 8
"""Bursts before the measurement, in which statements are prepared and caches fill."""

Send = Callable[[int], None]
"""Sends so many messages at once; does not wait."""
Toggle = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Load:
    """So many messages to each of so many receivers, in bursts."""

    receivers: int
    messages: int
    burst: int

    @property
    def sent(self) -> int:
        """Messages, with those of the warm-up."""
        return self.messages + WARM_UP * self.burst

    async def measure(
        self,
        process: psutil.Process,
        crowd: Crowd,
        send: Send,
        advance: Advance,
        toggle: Toggle = lambda: None,
    ) -> Usage:
        """What the process uses for the messages after the warm-up. `toggle` is called when
        they begin and when they have come. Raises as `Crowd.until`.
        """
        await self._paced(WARM_UP * self.burst, crowd, send, lambda done: None)
        toggle()
        before = Usage.of(process)
        await self._paced(self.messages, crowd, send, advance)
        spent = Usage.of(process) - before
        toggle()
        return spent

    async def _paced(self, messages: int, crowd: Crowd, send: Send, advance: Advance) -> None:
        """A burst counts as received by the frames of all receivers together."""
        begun_at = crowd.frames
        sent = 0
        while sent < messages:
            may_wait = (UNDER_WAY - 1) * self.burst
            await crowd.until(begun_at + (sent - may_wait) * self.receivers)
            size = min(self.burst, messages - sent)
            send(size)
            sent += size
            advance(crowd.frames - begun_at)
        await crowd.until(begun_at + messages * self.receivers)
