"""One user with one connection: asks, gets, notes how long it took, and checks what comes.

Cheaper than the SDK, which makes models of all it gets: here bodies stay maps, and an event that
is the same bytes for many users of a process is decoded once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import may_reconnect
from lumina_protocol.fields import uuid7

from loadtest.drive.had import Had
from loadtest.drive.line import Line, Lost
from loadtest.drive.people import CONVERSATIONS, Part, Person
from loadtest.drive.stats import DELIVERY
from lumina_rt.client.backoff import delays

if TYPE_CHECKING:
    from loadtest.drive.scene import Scene

OPEN_TIMEOUT_S = 30
MESSAGE_BYTES = 128
REPLY, ERROR = b"\x93\x02", b"\x93\x03"
"""How [2, id, body] and [3, id, error] begin in MessagePack."""
Body = Mapping[str, Any]


class Refused(Exception):
    """The server has said no."""

    def __init__(self, body: Body) -> None:
        super().__init__(f"{body['code']}: {body.get('message')}")
        self.code = str(body["code"])
        self.temporary = bool(body.get("temporary"))
        self.retry_after_s = (body.get("retry_after_ms") or 0) / 1000


@lru_cache(maxsize=4096)
def read(payload: bytes) -> list[Any]:
    """Not to be changed: it is shared."""
    frame: list[Any] = MSGPACK.unpack(payload)
    return frame


class User:
    __slots__ = ("_again", "_asked", "_had", "_hello", "_last_id", "_line", "_opening", "_scene",
                 "_source", "_urls", "memory", "part", "person", "ready")  # fmt: skip

    def __init__(
        self, person: Person, part: Part, urls: Sequence[str], source: str | None, scene: Scene
    ) -> None:
        """Of several URLs it begins with the first, and goes on to the next when it breaks."""
        self.person = person
        self.part = part
        self.ready = False
        self.memory: dict[str, Any] = {}
        """For what a scenario does."""
        self._urls = deque(urls)
        self._source = source
        self._scene = scene
        self._line: Line | None = None
        self._hello: asyncio.Future[Body] | None = None
        self._opening: list[asyncio.Future[Body]] = []
        """What only this connection can answer."""
        self._asked: dict[int, tuple[bytes, asyncio.Future[Body]]] = {}
        self._last_id = 0
        self._had = Had(scene.books, person.number)
        self._again: asyncio.Task[None] | None = None
        scene.books.expect(person.number, [key.bytes for key in part.get(CONVERSATIONS, ())])

    @property
    def coming(self) -> bool:
        """Whether it has lost its connection, and is about to be back."""
        return self._again is not None and not self._again.done()

    @property
    def host(self) -> str:
        """http://host:port of the node to which it connects next, or is connected."""
        where = urlsplit(self._urls[0])
        return f"{'https' if where.scheme == 'wss' else 'http'}://{where.netloc}"

    async def connect(self, *, resume: bool = True, login: bool = False) -> None:
        """Ready when it returns. With `resume`, all that was missed has been told. With `login`,
        by name and password, and with the token of that.

        Raises Lost, OSError, TimeoutError or Refused.
        """
        self._had.resuming = resume
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            self._hello = asyncio.get_running_loop().create_future()
            self._opening = [self._hello]
            self._line = await Line.open(self._urls[0], self._source, self._take, self._ended)
            await self._hello
            token = await self._log_in() if login else self.person.token
            self._opening.append(self._ask_now("auth", {"token": token, "resume": resume}))
            if resume:
                self._opening.append(self._ask_now("resume", self._where()))
            answers = [await answer for answer in self._opening]
        if resume:
            self._had.resumed(answers[-1])
        self._opening, self.ready = [], True
        self._scene.connections += 1
        self._ask_again()

    async def ask(self, op: str, body: Body) -> Body:
        """The body of the reply. Ids are bytes in it. A user that keeps connected asks again after
        each reconnect and each temporary refusal. Raises Refused or Lost."""
        wait = delays()
        while True:
            try:
                return await self._ask(op, body)
            except Refused as refused:
                if not (self._scene.scenario.keeps and refused.temporary):
                    raise
                await asyncio.sleep(refused.retry_after_s + next(wait))

    async def send(self, conversation_id: UUID, at: float) -> None:
        """A message that was due then, by time.monotonic(); kept when it returns."""
        message_id = uuid7()
        tally = self._scene.books.sent[conversation_id.bytes]
        tally.unsure += 1
        body = {"conversation_id": conversation_id, "message_id": message_id,
                "content": f"{at:.6f} ".ljust(MESSAGE_BYTES, "x")}  # fmt: skip
        try:
            reply = await self.ask("message.send", body)
        except Refused:
            tally.unsure -= 1
            raise
        tally.unsure -= 1
        tally.add(reply["seq"], message_id.bytes)
        self._scene.stats.took("to ack", at)

    def note(self, what: str, value: int) -> None:
        """For the check of the scenario."""
        self._scene.books.notes[self.person.number, what] = value

    def count(self, what: str) -> None:
        """It is in the report, and no error."""
        self._scene.stats.counts[what] += 1

    def fault(self, what: str) -> None:
        """Something is wrong: the run fails."""
        self._scene.books.faults[what] += 1

    def took(self, label: str, since: float) -> None:
        """Note how long it took until now; `since` by time.monotonic()."""
        self._scene.stats.took(label, since)

    def cut(self) -> None:
        """Close without a word."""
        if self._again:
            self._again.cancel()
        if self._line:
            self._line.cut()
        self._gone(Lost("we have closed it"), for_good=True)

    def took_event(self, kind: str, body: Body) -> None:
        """What has come, after it was checked."""
        if kind == "message.created":
            self._delivered(body["message"])
        else:
            self._scene.scenario.took(self, kind, body)

    async def _log_in(self) -> str:
        body = {"username": self.person.name, "password": self.person.password}
        self._opening.append(self._ask_now("account.login", body))
        return str((await self._opening[-1])["token"])

    def _where(self) -> Body:
        had = self._had
        body = {"epoch": had.epoch, "user_rev": had.user_rev, "cursors": had.cursors()}
        return {name: value for name, value in body.items() if value is not None}

    async def _ask(self, op: str, body: Body) -> Body:
        if not self.ready and not self._scene.scenario.keeps:
            raise Lost("there is no connection")
        return await self._ask_now(op, body, held=not self.ready)

    def _ask_now(self, op: str, body: Body, *, held: bool = False) -> asyncio.Future[Body]:
        self._last_id += 1
        payload = MSGPACK.pack((1, self._last_id, op, body))
        answer: asyncio.Future[Body] = asyncio.get_running_loop().create_future()
        self._asked[self._last_id] = payload, answer
        if self._line and not held:
            self._line.write(payload)
        return answer

    def _take(self, payload: bytes) -> None:
        if payload.startswith(REPLY):
            _, id_, body = MSGPACK.unpack(payload)
            if (asked := self._asked.pop(id_, None)) and not asked[1].done():
                asked[1].set_result(body)
        elif payload.startswith(ERROR):
            _, id_, body = MSGPACK.unpack(payload)
            if (asked := self._asked.pop(id_, None)) and not asked[1].done():
                asked[1].set_exception(Refused(body))
        else:
            _, kind, body = read(payload)
            self._event(kind, body)

    def _event(self, kind: str, body: Body) -> None:
        if kind == "hello":
            if self._hello and not self._hello.done():
                self._hello.set_result(body)
            return
        if user_rev := body.get("user_rev"):
            self._had.own(user_rev)
        if kind == "message.created":
            if not self._had.message(body["message"]):
                return
        elif kind == "conversation.synced":
            for message in self._had.page(body):
                self._delivered(message)
            return
        elif "rev" in body or "message" in body:
            self._moved(body)
        self.took_event(kind, body)

    def _moved(self, body: Body) -> None:
        what = body.get("message", body)
        self._had.moved(what["conversation_id"], what["rev"])

    def _delivered(self, message: Body) -> None:
        """What users of this run have said begins with the moment at which it was due."""
        if message["sender_id"] != self.person.user_id.bytes and message.get("content"):
            label = "to delivery after a reconnect" if self._had.resuming else DELIVERY
            self.took(label, float(message["content"].split(" ", 1)[0]))

    def _ask_again(self) -> None:
        """What was asked before, on a connection that ended, or while there was none."""
        self._asked = {id_: one for id_, one in self._asked.items() if not one[1].done()}
        for payload, _ in self._asked.values():
            if self._line:
                self._line.write(payload)

    def _ended(self, code: int, why: str) -> None:
        was_ready = self.ready
        self.count(f"closed with {code}")
        lost = Lost(f"{code} {why}".strip())
        keeps = self._scene.scenario.keeps and may_reconnect(code)
        self._gone(lost, for_good=not keeps)
        if was_ready and keeps:
            self._again = asyncio.create_task(self._reconnect())
        elif was_ready:
            self._scene.books.faults[f"the server ended a connection: {lost}"] += 1

    def _gone(self, lost: Lost, *, for_good: bool) -> None:
        """Who waits for what only this connection can answer is told; for good, all are."""
        self._scene.connections -= self.ready
        self.ready, self._line = False, None
        waiting = self._opening + [one for _, one in self._asked.values() if for_good]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(lost)
                answer.exception()  # looked at: nobody may wait for it any more
        self._opening = []

    async def _reconnect(self) -> None:
        since = time.monotonic()
        for delay in delays():
            await asyncio.sleep(delay)
            self._urls.rotate(-1)
            try:
                await self.connect()
            except (Lost, OSError, TimeoutError):
                continue
            except Refused as refused:
                if not refused.temporary:
                    raise
                continue
            self.took("reconnect", since)
            return
