"""What an app has taken, told to the server as delivered: once a second for each conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from lumina_protocol.errors import LuminaError
from lumina_protocol.messages import MessageCreated
from lumina_protocol.receipts import ConfirmDelivery

from lumina_rt.client.errors import ClientError
from lumina_rt.client.inbox import News

EVERY_S = 1.0


@dataclass(slots=True)
class Receipts:
    """What cannot be told is left out: the next one says more."""

    call: Callable[[ConfirmDelivery], Awaitable[Any]]
    _newest: dict[UUID, int] = field(default_factory=dict)
    _telling: asyncio.Task[None] | None = None

    def taken(self, news: News) -> None:
        """The app has got this."""
        if not isinstance(news, MessageCreated):
            return
        conversation_id, seq = news.message.conversation_id, news.message.seq
        self._newest[conversation_id] = max(seq, self._newest.get(conversation_id, 0))
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    def close(self) -> None:
        if self._telling:
            self._telling.cancel()

    async def _tell(self) -> None:
        try:
            while self._newest:
                newest, self._newest = self._newest, {}
                for conversation_id, seq in newest.items():
                    with suppress(LuminaError, ClientError):
                        await self.call(ConfirmDelivery(conversation_id=conversation_id, seq=seq))
                await asyncio.sleep(EVERY_S)
        finally:
            self._telling = None
