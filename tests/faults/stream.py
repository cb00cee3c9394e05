"""How the suite uses the SDK; the rest of it knows only this file.

Today the SDK hands out events as they come. So it is done here what an app must do: keep for each
conversation the rev up to which it has everything, drop what is older, and sync after a connect
and when there is a hole.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal, TypeVar
from uuid import UUID

from lumina_protocol.conversations import SyncConversation
from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Reply, Request
from lumina_protocol.messages import Message, MessageChanged, MessageCreated

from lumina_rt import client as sdk
from tests.faults.log import CaughtUp, Connected, Ended, Entry, Interrupted, Page, Seen, Told

TRY_S = 5.0
GIVE_UP_S = 30.0
WAIT_S = 0.1
"""Before a request is sent again that was refused for the moment, or got no answer."""
PAGE = 200
R = TypeVar("R", bound=Reply)


class Roaming(sdk.Client):
    """Connects to any of the nodes, each time to another."""

    def __init__(self, urls: Sequence[str], random: Random, token: str) -> None:
        super().__init__(urls[0], token=token)
        self._urls, self._random = urls, random
        self.tries = 0
        self.arrivals: deque[float] = deque()
        """When what is in the inbox came: its reader may be busy for long with catching up."""

    def _tell(self, news: sdk.News) -> None:
        self.arrivals.append(time.monotonic())
        super()._tell(news)

    async def _open(self) -> None:
        """The first time the first one."""
        if self.tries:
            self.url = self._random.choice(self._urls)
        self.tries += 1
        await super()._open()


class Stream:
    """One client's connection, and what it shows its app. `listen` is to be kept running."""

    def __init__(
        self, client: Roaming, conversations: Sequence[UUID], write: Callable[[Entry], None]
    ) -> None:
        self.had = dict.fromkeys(conversations, 0)
        """The rev up to which everything of a conversation is here."""
        self.online = False
        """Connected, and nothing is left of what was missed."""
        self._client = client
        self._write = write
        self._inbox = client.inbox()

    async def listen(self) -> None:
        with self._inbox as inbox:
            await self._client.connect()
            try:
                async for news in inbox:
                    await self._take(self._client.arrivals.popleft(), news)
            except sdk.Disconnected as end:
                self.online = False
                self._write(Ended(time.monotonic(), "" if end.code == 1000 else str(end)))
            except (sdk.ClientError, LuminaError) as error:
                self.online = False
                self._write(Ended(time.monotonic(), f"{type(error).__name__}: {error}"))

    async def close(self) -> None:
        await self._client.close()

    async def ask(self, request: Request[R]) -> tuple[R | str, int]:
        """The answer, or the code of a refusal for good, or `in doubt`; and after how many tries.
        A temporary refusal is followed by another try with the same ids."""
        tries, until = 0, time.monotonic() + GIVE_UP_S
        while time.monotonic() < until:
            tries += 1
            try:
                return await self._client.call(request, timeout_s=TRY_S), tries
            except LuminaError as refused:
                if not refused.body.temporary:
                    return refused.body.code, tries
                await asyncio.sleep(max(WAIT_S, (refused.body.retry_after_ms or 0) / 1000))
            except sdk.CallTimeout:
                await asyncio.sleep(WAIT_S)
            except sdk.ClientError:
                break
        return "in doubt", tries

    async def _take(self, at: float, news: sdk.News) -> None:
        match news:
            case sdk.Connected():
                self._write(Connected(at, self._client.url))
                for conversation in self.had:
                    await self._catch_up(conversation, "resume")
                self.online = True
                self._write(CaughtUp(time.monotonic()))
            case sdk.Interrupted(code, reason):
                self.online = False
                self._write(Interrupted(at, code, reason))
            case MessageCreated(message=message):
                await self._told(at, "created", seen(message))
            case MessageChanged(message=message):
                await self._told(at, "changed", seen(message))

    async def _told(self, at: float, kind: Literal["created", "changed"], message: Seen) -> None:
        conversation = message.conversation
        next_rev = self.had.setdefault(conversation, 0) + 1
        self._write(Told(at, kind, message, taken=message.rev == next_rev))
        if message.rev == next_rev:
            self.had[conversation] = next_rev
        elif message.rev > next_rev:
            await self._catch_up(conversation, "hole")

    async def _catch_up(self, conversation: UUID, why: Literal["resume", "hole"]) -> None:
        while True:
            after = self.had[conversation]
            asked = SyncConversation(conversation_id=conversation, after_rev=after, limit=PAGE)
            page, _ = await self.ask(asked)
            if isinstance(page, str):
                if page == "in doubt" and not self._ended:
                    continue
                return
            messages = [seen(message) for message in page.messages]
            self._write(Page(time.monotonic(), why, conversation, after, page.to_rev, messages))
            self.had[conversation] = page.to_rev
            if page.to_rev >= page.last_rev:
                return

    @property
    def _ended(self) -> bool:
        return self._client._ended is not None


def seen(message: Message) -> Seen:
    return Seen(
        message.conversation_id, message.message_id, message.seq, message.rev,
        message.sender_id, message.content, message.is_deleted,
    )  # fmt: skip


def bear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception handler for the loop. A request whose line broke while it was written leaves an
    answer that nobody waits for (Link.call); what broke is told by the call itself."""
    if not isinstance(context.get("exception"), sdk.Disconnected):
        loop.default_exception_handler(context)
