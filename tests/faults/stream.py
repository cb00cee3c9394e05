"""How the suite uses the SDK; the rest of it knows only this file and `recorded`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from lumina_protocol.conversations import ConversationJoined
from lumina_protocol.errors import LuminaError
from lumina_protocol.feed import FeedNew
from lumina_protocol.frame import PersonalEvent, Reply, Request
from lumina_protocol.messages import MessageChanged, MessageCreated, ReadHistory, SendMessage
from lumina_protocol.watches import PostState, StoryState, WatchEnded

from lumina_rt import client as sdk
from tests.faults import things
from tests.faults.boards import Boards
from tests.faults.glances import Glances
from tests.faults.lists import mine, owned
from tests.faults.log import (
    Begun,
    CaughtUp,
    Connected,
    Ended,
    Entry,
    Has,
    HasAll,
    Interrupted,
    Lists,
    Owned,
    Read,
    Shown,
    Things,
    Wire,
)
from tests.faults.recorded import Recorded, seen

TRY_S = 5.0
GIVE_UP_S = 30.0
WAIT_S = 0.1
"""Before a request is sent again that was refused for the moment, or got no answer."""
PAGE = 200
R = TypeVar("R", bound=Reply)


class Device(sdk.Client):
    """Calls `taking` with what goes to the app, in the moment in which the SDK lets go of it."""

    def __init__(self, urls: Sequence[str], token: str, taking: Callable[[sdk.News], None]) -> None:
        super().__init__(urls, token=token)
        self._taking = taking

    def _tell(self, news: sdk.News) -> None:
        self._taking(news)
        super()._tell(news)


class Stream:
    """One client's connection, and what it shows its app. `listen` is to be kept running."""

    def __init__(self, urls: Sequence[str], token: str, write: Callable[[Entry], None]) -> None:
        self.online = False
        """Connected, and nothing is left of what was missed."""
        self._client = Device(urls, token, self._take)
        self._order = Recorded(self._came)
        self._client._order = self._order
        self._write = write
        self._reading: set[asyncio.Task[None]] = set()
        self._catching_up: asyncio.Task[None] | None = None
        self._lists: asyncio.Task[None] | None = None
        self._meanwhile: list[Owned | Has] = []
        """What was told while the lists are read."""
        self._boards = Boards(self.ask, write)
        self._glances = Glances(self.ask, write)

    def had(self, conversation: UUID) -> int:
        """The rev up to which everything of it is here."""
        return self._order.rev(conversation)

    def revs(self) -> dict[UUID, int]:
        """The same of all that it keeps."""
        return {talk: told.rev for talk, told in self._order.conversations.items()}

    @property
    def boards(self) -> set[UUID]:
        """The posts that are watched."""
        return set(self._boards.known)

    async def watch(self, post: UUID) -> None:
        """Nothing, when it cannot be watched now."""
        if post in self.boards:
            return
        self._boards.expect(post)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                watched = await self._client.watch("post", post)
        except (TimeoutError, sdk.ClientError, LuminaError):
            self._boards.end(post)
            return
        assert watched.post
        self._boards.begin(watched.post)

    @property
    def stories(self) -> set[UUID]:
        """Those that are watched."""
        return set(self._glances.known)

    async def watch_story(self, story: UUID) -> None:
        """Likewise."""
        if story in self.stories:
            return
        self._glances.expect(story)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                watched = await self._client.watch("story", story)
        except (TimeoutError, sdk.ClientError, LuminaError):
            self._glances.end(story)
            return
        assert watched.story
        self._glances.begin(watched.story)

    async def watch_feed(self, user: UUID) -> None:
        """What is there already is read from then on. Nothing, when it cannot be watched now."""
        try:
            async with asyncio.timeout(GIVE_UP_S):
                watched = await self._client.watch("feed", user)
        except (TimeoutError, sdk.ClientError, LuminaError):
            return
        assert watched.feed
        self._glances.hint(watched.feed)

    async def listen(self) -> None:
        with self._client.inbox() as inbox:
            await self._client.connect()
            try:
                async for _ in inbox:
                    pass
            except sdk.Disconnected as end:
                self._write(Ended(time.monotonic(), "" if end.code == 1000 else str(end)))
            except (sdk.ClientError, LuminaError) as error:
                self._write(Ended(time.monotonic(), f"{type(error).__name__}: {error}"))
            finally:
                self._away()

    async def close(self) -> None:
        await self._client.close()
        for task in (*self._reading, *self._boards.reading, *self._glances.reading):
            task.cancel()

    async def ask(self, request: Request[R]) -> R | str:
        """The answer, or the code of a refusal for good, or `in doubt`. No await before a message
        is in line: they are sent in the order in which they are asked for."""
        try:
            async with asyncio.timeout(GIVE_UP_S):
                if isinstance(request, SendMessage):
                    return await self._send(request)  # type: ignore[return-value]
                return await self._call(request)
        except (TimeoutError, sdk.ClientError):
            return "in doubt"
        except LuminaError as refused:
            return refused.body.code

    async def _send(self, request: SendMessage) -> Reply:
        fields = {name: getattr(request, name) for name in request.model_fields_set}
        return await self._client.send(**fields)

    async def _call(self, request: Request[R]) -> R:
        """A temporary refusal is followed by another try with the same ids."""
        while True:
            try:
                return await self._client.call(request, timeout_s=TRY_S)
            except LuminaError as refused:
                if not refused.body.temporary:
                    raise
                await asyncio.sleep(max(WAIT_S, (refused.body.retry_after_ms or 0) / 1000))
            except sdk.CallTimeout:
                await asyncio.sleep(WAIT_S)

    def _came(self, entry: Wire) -> None:
        self._write(entry)
        if isinstance(entry, Begun) and entry.rev:
            self._begin(entry.conversation)

    def _begin(self, conversation: UUID) -> None:
        task = asyncio.create_task(self._read_anew(conversation))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _take(self, news: sdk.News) -> None:
        now = time.monotonic()
        match news:
            case sdk.Connected(resumed=resumed):
                assert resumed is not None
                self._write(Connected(now, self._client.url, resumed.epoch, resumed.reset))
                if resumed.reset or self._lists is None:
                    self._begin_lists()
                self._catching_up = asyncio.create_task(self._catch_up())
            case sdk.Interrupted(code, reason):
                self._away()
                self._write(Interrupted(now, code, reason))
            case PersonalEvent():
                self._personal(news)
            case MessageCreated(message=message):
                self._write(Shown(now, "created", seen(message)))
            case MessageChanged(message=message):
                self._write(Shown(now, "changed", seen(message)))
            case _:
                self._watched(news)

    def _watched(self, news: sdk.News) -> None:
        match news:
            case PostState() | WatchEnded(subject_type="post"):
                self._boards.take(news)
            case StoryState() | WatchEnded(subject_type="story"):
                self._glances.take(news)
            case FeedNew():
                self._glances.hint(news)

    def _personal(self, news: PersonalEvent) -> None:
        if isinstance(news, ConversationJoined):
            self._begin(news.conversation.conversation_id)
        now = time.monotonic()
        entries: list[Owned | Has] = [*owned(now, news), *things.told(now, news)]
        for entry in entries:
            self._write(entry)
            self._meanwhile.append(entry)

    def _begin_lists(self) -> None:
        if self._lists:
            self._lists.cancel()
        self._lists = task = asyncio.create_task(self._read_lists())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read_lists(self) -> None:
        """What comes meanwhile may be in the lists or not: it is taken once more behind them."""
        self._meanwhile.clear()
        while isinstance(found := await mine(self.ask), str):
            await asyncio.sleep(WAIT_S)
        everything = await self._read_things()
        self._write(Lists(time.monotonic(), found))
        self._write(HasAll(time.monotonic(), everything))
        for entry in self._meanwhile:
            self._write(entry)
        self._meanwhile.clear()

    async def _read_things(self) -> Things:
        while True:
            ready = self._client.ready
            assert ready
            try:
                return await things.listed(self.ask, ready.user_id)
            except things.Unanswered:
                await asyncio.sleep(WAIT_S)

    def _away(self) -> None:
        self.online = False
        if self._catching_up:
            self._catching_up.cancel()

    async def _catch_up(self) -> None:
        """What was missed has been told, but for what the SDK and the app have to ask for."""
        while waiting := [*self._client._mending, *self._reading]:
            await asyncio.wait(waiting)
        self.online = True
        self._write(CaughtUp(time.monotonic()))

    async def _read_anew(self, conversation: UUID) -> None:
        """As an app does that begins with a conversation which is not new."""
        before = None
        while True:
            asked = ReadHistory(conversation_id=conversation, before_seq=before, limit=PAGE)
            asked_at = time.monotonic()
            page = await self.ask(asked)
            if isinstance(page, str) or not page.messages:
                return
            messages = [seen(message) for message in page.messages]
            read = Read(time.monotonic(), conversation, messages, anew=True, asked_at=asked_at)
            self._write(read)
            before = messages[0].seq
