"""One connection, for as long as it lasts: requests out, replies and events in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from lumina_protocol import EVENTS
from lumina_protocol.codec import Codec, Malformed
from lumina_protocol.errors import ErrorBody, LuminaError
from lumina_protocol.frame import (
    Body,
    ErrorFrame,
    Event,
    EventFrame,
    Reply,
    ReplyFrame,
    Request,
)
from lumina_protocol.session import Hello
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from lumina_rt.client.errors import ClientError, Disconnected

OPEN_TIMEOUT_S = 10
ABNORMAL = 1006
R = TypeVar("R", bound=Reply)


class Link:
    """Open with `Link.open`; `read` must run for replies to come."""

    def __init__(
        self, socket: ClientConnection, codec: Codec, tell: Callable[[Event | EventFrame], None]
    ) -> None:
        self._socket = socket
        self._codec = codec
        self._tell = tell
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._asked: dict[int, Request[Any]] = {}
        self._last_id = 0
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        url: str,
        codec: Codec,
        tell: Callable[[Event | EventFrame], None],
        ssl_context: ssl.SSLContext | None = None,
    ) -> Link:
        """Raises OSError, TimeoutError or websockets' InvalidHandshake."""
        secure = url.lower().startswith("wss:")
        socket = await connect(
            url,
            subprotocols=[Subprotocol(codec.subprotocol)],
            compression=None,
            max_size=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=1,
            ssl=(ssl_context or True) if secure else None,
        )
        return cls(socket, codec, tell)

    async def hello(self) -> Hello:
        """What the server says first. Raises Disconnected, TimeoutError."""
        return await asyncio.wait_for(asyncio.shield(self._hello), OPEN_TIMEOUT_S)

    async def call(self, request: Request[R]) -> R:
        """Raises LuminaError when the server refuses, Disconnected when the connection ends."""
        self._last_id += 1
        id_ = self._last_id
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[id_], self._asked[id_] = answer, request
        try:
            payload = self._codec.request(id_, request)
            await self._socket.send(payload, text=not self._codec.binary)
            return await answer  # type: ignore[return-value]  # _receive made it of request.reply
        except ConnectionClosed as closed:
            raise _disconnected(closed) from None
        finally:
            self._waiting.pop(id_, None)
            self._asked.pop(id_, None)

    async def read(self) -> Disconnected:
        """Take in what comes, until the connection ends; returns why it ended."""
        try:
            while True:
                data = await self._socket.recv()
                self._receive(data.encode() if isinstance(data, str) else data)
        except ConnectionClosed as closed:
            ended = _disconnected(closed)
        except Malformed as error:
            ended = Disconnected(ABNORMAL, f"the server sent what is no frame: {error}")
            await self._socket.close()
        everybody: list[asyncio.Future[Any]] = [self._hello, *self._waiting.values()]
        for answer in everybody:
            if not answer.done():
                answer.set_exception(ended)
                answer.exception()  # looked at, whether or not anybody waits for it
        return ended

    async def close(self) -> None:
        await self._socket.close()

    def _answer(self, id_: int, body: Body) -> None:
        answer = self._waiting[id_]
        if answer.done():  # given up a moment ago
            return
        try:
            answer.set_result(self._asked[id_].reply.model_validate(body))
        except ValidationError as error:
            answer.set_exception(ClientError(f"this SDK is too old: {error}"))

    def _refuse(self, id_: int, body: Body) -> None:
        answer = self._waiting[id_]
        if not answer.done():
            try:
                answer.set_exception(LuminaError(body=ErrorBody.model_validate(body)))
            except ValidationError as error:
                answer.set_exception(ClientError(f"this SDK is too old: {error}"))

    def _receive(self, data: bytes) -> None:
        match self._codec.decode(data):
            case ReplyFrame(id_, body) if id_ in self._waiting:
                self._answer(id_, body)
            case ErrorFrame(id_, body) if id_ in self._waiting:
                self._refuse(id_, body)
            case EventFrame() as frame:
                event = _event(frame)
                if isinstance(event, Hello) and not self._hello.done():
                    self._hello.set_result(event)
                else:
                    self._tell(event)


def _event(frame: EventFrame) -> Event | EventFrame:
    """As it came, when this SDK is too old to understand it."""
    model = EVENTS.get(frame.type)
    try:
        return model.model_validate(frame.body) if model else frame
    except ValidationError:
        return frame


def _disconnected(closed: ConnectionClosed) -> Disconnected:
    if closed.rcvd is None:
        return Disconnected(ABNORMAL, "the connection broke")
    return Disconnected(closed.rcvd.code, closed.rcvd.reason)
