"""A client that stays connected, and whose user misses nothing."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from lumina_protocol.accounts import Device
from lumina_protocol.codec import MSGPACK, Codec
from lumina_protocol.conversations import ConversationGone, SyncConversation
from lumina_protocol.errors import LuminaError, may_reconnect
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Event, EventFrame, Reply, Request
from lumina_protocol.messages import MessageSent, Origin, Sendable, SendMessage
from lumina_protocol.session import Hello, Ready, Resumed
from lumina_protocol.watches import Unwatch, Watch, Watchable, Watched
from websockets.exceptions import InvalidHandshake, InvalidStatus

from lumina_rt.client.backoff import delays
from lumina_rt.client.errors import CallTimeout, ClientError, Disconnected
from lumina_rt.client.identity import Identity, StoredLogin
from lumina_rt.client.inbox import Connected, Inbox, Interrupted, News
from lumina_rt.client.link import Link
from lumina_rt.client.order import Hole, Order
from lumina_rt.client.presence import PresenceWatch
from lumina_rt.client.receipts import Receipts
from lumina_rt.client.sender import Sender
from lumina_rt.client.watches import Watches

CALL_TIMEOUT_S = 15.0
RENEW_AGAIN_S = 5.0
LAST_ANSWER_S = 2.0
"""How long a client that is closed waits for new tokens that it has asked for."""
RENEW_AT = (0.7, 0.9)
"""Of the life of a token, at a moment between."""
STABLE_S = 30
"""A connection that lasted so long was a good one: the next back-off begins anew."""
R = TypeVar("R", bound=Reply)


class Client:
    """One user's connection, opened again with jittered back-off whenever it breaks. What was
    missed meanwhile is told as if it came live: once, in order, without holes.

    Give a `token`, or a stored `login`, or `username` and `password` (with a `code`, where there is
    a second factor), or nothing for a stranger who may register. `keep` is called with what is to
    be stored instead whenever that changes: an app that does so at once stays logged in, whatever
    happens to it. Of several URLs the next one is tried when a connection ends.
    """

    def __init__(  # noqa: PLR0913  (who it is, and how it connects)
        self,
        url: str | Sequence[str],
        *,
        token: str | None = None,
        login: StoredLogin | None = None,
        username: str | None = None,
        password: str | None = None,
        code: str | None = None,
        device: Device | None = None,
        keep: Callable[[StoredLogin], None] = lambda login: None,
        codec: Codec = MSGPACK,
        ssl_context: ssl.SSLContext | None = None,
        receipts: bool = False,
    ) -> None:
        """`ssl_context` for wss:// URLs whose certificate the machine does not trust anyway.
        `receipts`: others are told of what inboxes have handed out, as an app for people does."""
        self._ssl_context = ssl_context
        self._urls = deque([url] if isinstance(url, str) else url)
        self._identity = Identity(token, login, username, password, code, device, keep)
        self.hello: Hello | None = None
        """What the server said of itself when we last connected."""
        self.ready: Ready | None = None
        """Who we are, as the server said when we last connected; None for a stranger."""
        self._codec = codec
        self._link: Link | None = None
        self._reading: asyncio.Task[Disconnected] | None = None
        self._opened_at = 0.0
        self._delays = delays()
        self._linked = asyncio.Event()
        self._inboxes: set[Inbox] = set()
        self._order = Order()
        self._held: list[Event | EventFrame] | None = None
        """What came before it is known where the conversations begin."""
        self._missing: dict[UUID, int] = {}
        """Conversations with a hole, and the newest rev of them that was heard of."""
        self._mending: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._sender = Sender(self.call)
        self._watches = Watches(self.call, self._tell)
        self._receipts = Receipts(self.call) if receipts else None
        self._presence = PresenceWatch(self._ask, self._tell)
        self._ended: Exception | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Raises OSError or ClientError when that fails at the first try, and the server's
        LuminaError when it does not know us."""
        await self._open()
        self._task = asyncio.create_task(self._stay_connected())

    @property
    def url(self) -> str:
        return self._urls[0]

    @property
    def token(self) -> str | None:
        """The newest one."""
        return self._identity.token

    @property
    def username(self) -> str | None:
        return self.ready.username if self.ready else self._identity.username

    @property
    def connected(self) -> bool:
        return self._link is not None

    async def call(self, request: Request[R], *, timeout_s: float = CALL_TIMEOUT_S) -> R:
        """Ask and wait for the answer, across reconnects where asking twice does no harm. Whom the
        last `presence.watch` named is watched after each reconnect again: what has changed
        meanwhile is told as PresenceChanged.

        Raises LuminaError when the server refuses, CallTimeout, or Disconnected.
        """
        self._presence.asks(request)
        try:
            answer = await self._ask(request, timeout_s=timeout_s)
        except LuminaError:
            self._presence.refused(request)
            raise
        self._presence.answered(answer)
        return answer

    async def _ask(self, request: Request[R], *, timeout_s: float = CALL_TIMEOUT_S) -> R:
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await self._linked.wait()
                    if self._ended:
                        raise self._ended
                    if (link := self._link) is None:  # it broke before we had our turn
                        await asyncio.sleep(0)
                        continue
                    try:
                        return await link.call(request)
                    except Disconnected as lost:
                        if not request.retry_safe or not may_reconnect(lost.code):
                            raise
                        if self._link is link:
                            self._unlink()
        except TimeoutError:
            raise CallTimeout(f"{request.op} got no answer in {timeout_s:g} s") from None

    async def send(  # noqa: PLR0913  (all that a message may have)
        self,
        conversation_id: UUID,
        content: str = "",
        *,
        message_id: UUID | None = None,
        message_type: Sendable | None = None,
        media_ids: Sequence[UUID] | None = None,
        post_id: UUID | None = None,
        reply_to: UUID | None = None,
        mentions: Sequence[UUID] | None = None,
        forwarded_from: Origin | None = None,
        expires_at: int | None = None,
        expires_after_s: int | None = None,
    ) -> MessageSent:
        """Send a message, once, behind those that were sent to this conversation before. What the
        fields mean, lumina_protocol.messages.SendMessage says; `expires_at` is in milliseconds
        since 1970, UTC.

        Waits through disconnects and temporary refusals. Raises LuminaError when it is refused for
        good, Disconnected when the client is closed, ValueError when it cannot be sent like that.
        """
        beyond_text = {
            "message_type": message_type,
            "media_ids": media_ids and list(media_ids),
            "post_id": post_id,
            "reply_to": reply_to,
            "mentions": mentions and list(mentions),
            "forwarded_from": forwarded_from,
            "expires_at": expires_at,
            "expires_after_s": expires_after_s,
        }
        request = SendMessage(
            conversation_id=conversation_id,
            message_id=message_id or uuid7(),
            content=content,
            **{name: value for name, value in beyond_text.items() if value is not None},  # type: ignore[arg-type]
        )
        return await self._sender.send(request)

    async def watch(self, subject_type: Watchable, subject_id: UUID) -> Watched:
        """What this is now; what becomes of it is told in the inbox, also by a new snapshot after
        each reconnect, until it ends. Raises LuminaError where there is nothing to see."""
        return await self._watches.watch(Watch(subject_type=subject_type, subject_id=subject_id))

    async def unwatch(self, subject_type: Watchable, subject_id: UUID) -> None:
        await self._watches.unwatch(Unwatch(subject_type=subject_type, subject_id=subject_id))

    def begin(self, conversation_id: UUID, *, rev: int, seq: int) -> None:
        """What comes of this conversation after this rev is to be told without holes, if the
        client does not know better already: it does of the newest 200 and all that have moved."""
        self._order.begin(conversation_id, rev, seq)

    @contextmanager
    def inbox(self) -> Iterator[Inbox]:
        """What arrives while the block lasts, as an async iterator."""
        inbox = Inbox(taken=self._receipts.taken) if self._receipts else Inbox()
        self._inboxes.add(inbox)
        if self._ended:
            inbox.fail(self._ended)
        try:
            yield inbox
        finally:
            self._inboxes.discard(inbox)

    async def close(self) -> None:
        """Close for good; who waits for an answer or an event gets Disconnected."""
        if self._renewal:
            self._renewal.cancel()
        self._presence.close()
        if self._receipts:
            self._receipts.close()
        if self._renewing:
            await asyncio.wait([self._renewing], timeout=LAST_ANSWER_S)
        own = filter(None, (self._task, self._renewing, self._watches.again))
        tasks = [*self._mending, *own]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._end(Disconnected(1000, "the client was closed"))
        if self._link and self._reading:
            await self._link.close()
            await self._reading
        self._link = None

    async def _open(self) -> None:
        try:
            link = await Link.open(self.url, self._codec, self._arrive, self._ssl_context)
        except InvalidStatus as error:
            body = (error.response.body or b"").decode(errors="replace").strip()
            raise ClientError(f"{self.url} answered {error.response.status_code}: {body}") from None
        except InvalidHandshake as error:
            raise ClientError(f"{self.url} is no Lumina server: {error}") from None
        reading = asyncio.create_task(link.read())
        try:
            self.hello = await link.hello()
            identity = self._identity
            self.ready = None if identity.stranger else await identity.authenticate(link)
            resumed = await self._resume(link) if self.ready else None
        except BaseException:
            await link.close()
            await reading
            raise
        self._link, self._reading = link, reading
        self._opened_at = asyncio.get_running_loop().time()
        self._linked.set()
        self._renew_in_time(link)
        self._tell(Connected(self.ready, resumed))
        self._presence.again()
        self._watches.connected()

    def _renew_in_time(self, link: Link) -> None:
        """Before the token expires, so that the connection need not end with it."""
        if self._renewal:
            self._renewal.cancel()
        if self.ready and self.ready.expires_at and self._identity.login:
            self._renew_before(link, self.ready.expires_at)

    async def _renew(self, link: Link) -> None:
        """What is refused here, or cannot be stored, is so again, and told at the next `auth`."""
        try:
            tokens = await self._identity.renew(link)
        except Exception:
            self._renew_in(link, RENEW_AGAIN_S)
        else:
            self._renew_before(link, tokens.expires_at)

    def _renew_before(self, link: Link, expires_at: int) -> None:
        assert self.ready
        loop = asyncio.get_running_loop()
        server_now = self.ready.time + (loop.time() - self._opened_at) * 1000
        delay_s = max(expires_at - server_now, 0) / 1000 * random.uniform(*RENEW_AT)
        self._renew_in(link, delay_s)

    def _renew_in(self, link: Link, delay_s: float) -> None:
        if self._link is link:
            loop = asyncio.get_running_loop()
            self._renewal = loop.call_later(delay_s, self._begin_renewal, link)

    def _begin_renewal(self, link: Link) -> None:
        self._renewing = asyncio.create_task(self._renew(link))

    async def _resume(self, link: Link) -> Resumed:
        known = dict(self._order.conversations)
        self._held = [] if self._order.epoch is None else None
        resumed = await link.call(self._order.resume())
        held, self._held = self._held or [], None
        for reset in self._order.resumed(resumed, known):
            self._tell(reset)
        for event in held:
            self._arrive(event)
        self._order.settled(resumed)
        for conversation_id in self._order.behind(resumed):
            self._mend(conversation_id, 0)
        return resumed

    def _arrive(self, event: Event | EventFrame) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        self._watches.arrived(event)
        try:
            self._presence.came(event)
            for news in self._order.take(event):
                self._tell(news)
        except Hole as hole:
            if hole.conversation_id:
                self._mend(hole.conversation_id, hole.rev)
            elif self._link:  # only a resume tells the own stream
                self._closing = asyncio.create_task(self._link.close())

    def _mend(self, conversation_id: UUID, upto: int) -> None:
        """Ask for what is missing; what comes meanwhile is asked for as well."""
        missing = self._missing.get(conversation_id)
        self._missing[conversation_id] = max(upto, missing or 0)
        if missing is None:
            task = asyncio.create_task(self._catch_up(conversation_id))
            self._mending.add(task)
            task.add_done_callback(self._mending.discard)

    async def _catch_up(self, conversation_id: UUID) -> None:
        try:
            for delay in delays():
                if await self._pages(conversation_id):
                    return
                await asyncio.sleep(delay)
        finally:  # no later than the last look: who comes now begins again
            del self._missing[conversation_id]

    async def _pages(self, conversation_id: UUID) -> bool:
        """Whether everything is there that was heard of; false to try again."""
        try:
            more, heard = True, -1
            while more or self._missing[conversation_id] > heard:
                heard = self._missing[conversation_id]
                more = await self._next_page(conversation_id)
        except LuminaError as error:
            if error.body.temporary:
                return False
            self._arrive(ConversationGone(conversation_id=conversation_id))
        except CallTimeout:
            return False
        except ClientError:
            pass
        return True

    async def _next_page(self, conversation_id: UUID) -> bool:
        """Whether there is more."""
        if conversation_id not in self._order.conversations:  # dropped meanwhile
            return False
        after = self._order.rev(conversation_id)
        asked = SyncConversation(conversation_id=conversation_id, after_rev=after, limit=200)
        page = await self.call(asked)
        try:
            for news in self._order.page(conversation_id, page):
                self._tell(news)
        except Hole:  # it was dropped meanwhile
            return False
        return page.to_rev < page.last_rev

    async def _stay_connected(self) -> None:
        """Until the server says for good that it will not have us, or we fail ourselves."""
        try:
            await self._reconnect_forever()
        except Exception as error:  # whoever calls or listens is told, and nobody waits for ever
            self._end(error)

    async def _reconnect_forever(self) -> None:
        """Raises LuminaError when the server no longer knows us."""
        while self._reading:
            lost = await asyncio.shield(self._reading)
            self._unlink()
            if not may_reconnect(lost.code):
                self._end(lost)
                return
            self._tell(Interrupted(lost.code, lost.reason))
            await self._reopen()

    async def _reopen(self) -> None:
        if asyncio.get_running_loop().time() - self._opened_at > STABLE_S:
            self._delays = delays()
        for delay in self._delays:
            await asyncio.sleep(delay)
            self._urls.rotate(-1)
            try:
                await self._open()
                return
            except LuminaError as error:
                if not error.body.temporary:
                    raise
            except (OSError, TimeoutError, ClientError):
                continue

    def _unlink(self) -> None:
        self._link = None
        if self._ended is None:
            self._linked.clear()

    def _tell(self, news: News) -> None:
        for inbox in self._inboxes:
            inbox.put(news)

    def _end(self, error: Exception) -> None:
        if self._ended is None:
            self._ended = error
            self._linked.set()
            for inbox in self._inboxes:
                inbox.fail(error)
