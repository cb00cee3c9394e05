"""Messages of one user, to each conversation in the order in which they were given.

While one is in doubt, or refused for now, those behind it wait: they might overtake it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID
from weakref import WeakValueDictionary

from lumina_protocol.errors import LuminaError
from lumina_protocol.messages import MessageSent, SendMessage

from lumina_rt.client.backoff import delays
from lumina_rt.client.errors import CallTimeout

Call = Callable[[SendMessage], Awaitable[MessageSent]]


class Sender:
    """`send` from anywhere; `call` asks once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def send(self, request: SendMessage) -> MessageSent:
        """Until the message is committed or refused for good. Whoever gives it up lets the next one
        go, and does not know whether it was committed; the same id asks."""
        turn = self._turns.setdefault(request.conversation_id, asyncio.Lock())
        async with turn:  # asyncio's lock is fair
            for delay in delays():
                try:
                    return await self._call(request)
                except CallTimeout:
                    continue
                except LuminaError as refused:
                    if not refused.body.temporary:
                        raise
                    await asyncio.sleep((refused.body.retry_after_ms or 0) / 1000 + delay)
        raise AssertionError("delays do not end")
