"""A websocket client written by hand, byte for byte, so that tests can say what a good one never
would. Every wait ends after TIMEOUT_S."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from lumina_protocol.accounts import Register
from lumina_protocol.codec import MSGPACK, Codec
from lumina_protocol.errors import ErrorBody
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import ErrorFrame, EventFrame, Frame, Kind, ReplyFrame, Request
from lumina_protocol.session import Authenticate, Hello, Ready
from websockets.frames import Opcode

from lumina_rt.app import Node
from lumina_rt.client import Client
from tests.house import PASSWORD

TIMEOUT_S = 8


def frame(
    payload: bytes,
    opcode: int = Opcode.BINARY,
    *,
    fin: bool = True,
    masked: bool = True,
    reserved: int = 0,
) -> bytes:
    """RFC 6455 section 5.2; `reserved` is the three bits behind FIN."""
    first = fin << 7 | reserved << 4 | opcode
    size, mask_bit = len(payload), masked << 7
    if size < 126:
        head = bytes((first, mask_bit | size))
    elif size < 65_536:
        head = bytes((first, mask_bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, mask_bit | 127)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = os.urandom(4)
    repeated = (key * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + key + mixed.to_bytes(size, "big")


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(code.to_bytes(2, "big") + reason, Opcode.CLOSE)


def handshake(
    subprotocol: str | None = MSGPACK.subprotocol,
    *,
    line: str = "GET /v1/socket HTTP/1.1",
    **changes: str | None,
) -> bytes:
    """An opening handshake; `changes` are headers, with _ for -, and None leaves one out."""
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Protocol": subprotocol,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([line, *lines, "", ""]).encode()


@dataclass(frozen=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass
class Wire:
    """A TCP connection to a node, that may become a websocket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    codec: Codec = MSGPACK
    last_id: int = 0
    pings: list[bytes] = field(default_factory=list)
    answers_pings: bool = True
    ready: Ready | None = None

    # Out.

    async def send(self, *chunks: bytes) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            for chunk in chunks:
                self.writer.write(chunk)
                await self.writer.drain()

    async def pour(self, *chunks: bytes) -> None:
        """Send as long as the server puts up with it."""
        with suppress(OSError, RuntimeError):
            await self.send(*chunks)

    def framed(self, payload: bytes, **how: Any) -> bytes:
        return frame(payload, Opcode.BINARY if self.codec.binary else Opcode.TEXT, **how)

    def request(self, op: str, body: object) -> bytes:
        """The next request, as a frame to be sent."""
        self.last_id += 1
        return self.framed(self.codec.pack((Kind.REQUEST.value, self.last_id, op, body)))

    async def ask(self, op: str, body: object) -> ReplyFrame | ErrorFrame:
        await self.send(self.request(op, body))
        answer = await self.answer()
        assert answer.id == self.last_id
        return answer

    async def call(self, request: Request[Any]) -> ReplyFrame | ErrorFrame:
        return await self.ask(request.op, request.model_dump(exclude_none=True))

    async def heard(self) -> None:
        """Everything sent so far was taken in by the server: its pong to a ping has come."""
        await self.send(frame(b"heard", Opcode.PING))
        while (await self.frame()) != (Opcode.PONG, b"heard"):
            pass

    # In.

    async def frame(self) -> tuple[Opcode, bytes]:
        """The next websocket frame: whole, unmasked, without reserved bits."""
        async with asyncio.timeout(TIMEOUT_S):
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self.reader.readexactly(size)
        assert first & 0xF0 == 0x80, "servers send unfragmented frames here"
        return Opcode(first & 0x0F), payload

    async def told(self) -> Frame:
        """The next frame of the protocol; pings are answered on the way."""
        while True:
            opcode, payload = await self.frame()
            if opcode is Opcode.PING:
                self.pings.append(payload)
                if self.answers_pings:
                    await self.send(frame(payload, Opcode.PONG))
                continue
            wanted = Opcode.BINARY if self.codec.binary else Opcode.TEXT
            assert opcode is wanted, (opcode, payload)
            return self.codec.decode(payload)

    async def answer(self) -> ReplyFrame | ErrorFrame:
        """The next reply or error; events before it are passed over."""
        while not isinstance(told := await self.told(), ReplyFrame | ErrorFrame):
            pass
        return told

    async def error(self) -> ErrorBody:
        told = await self.answer()
        assert isinstance(told, ErrorFrame), told
        return ErrorBody.model_validate(told.body)

    async def close_code(self) -> int:
        """Skip to the close, answer it, see the end of the stream and end ours."""
        while True:
            opcode, payload = await self.frame()
            if opcode is Opcode.PING:
                self.pings.append(payload)
            if opcode is Opcode.CLOSE:
                break
        self.writer.write(frame(payload, Opcode.CLOSE))
        assert await self.rest() == b"", "nothing follows a close"
        self.writer.close()
        return int.from_bytes(payload[:2], "big") if payload else 1005

    async def rest(self) -> bytes:
        """All bytes to the end of the stream."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.reader.read()

    async def response(self) -> HttpResponse:
        async with asyncio.timeout(TIMEOUT_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            line, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, value in (header.split(":", 1) for header in lines)
            }
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return HttpResponse(int(line.split()[1]), headers, body)

    async def hello(self) -> Hello:
        told = await self.told()
        assert isinstance(told, EventFrame)
        assert told.type == "hello"
        return Hello.model_validate(told.body)

    async def authenticate(self, token: str) -> Ready:
        reply = await self.call(Authenticate(token=token))
        assert isinstance(reply, ReplyFrame), reply
        self.ready = Ready.model_validate(reply.body)
        return self.ready

    def cut(self) -> None:
        """End with a reset instead of an end of stream: the server hears no EOF."""
        at_once = struct.pack("ii", 1, 0)  # on, after 0 s
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.writer.transport.abort()


@asynccontextmanager
async def tcp(
    node: Node,
    *,
    receive_buffer: int | None = None,
    source: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Wire]:
    """A connection on which nothing is said yet; `receive_buffer` in bytes keeps it narrow,
    `source` is an address of this machine to come from."""
    sock = socket.socket()
    sock.setblocking(False)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source is not None:
        sock.bind((source, 0))
    try:
        await asyncio.get_running_loop().sock_connect(sock, (node.settings.host, node.port))
    except OSError:
        sock.close()
        raise
    name = node.settings.host if tls else None
    reader, writer = await asyncio.open_connection(
        sock=sock, limit=16_384, ssl=tls, server_hostname=name
    )
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def websocket(
    node: Node,
    codec: Codec = MSGPACK,
    *,
    token: str | None = None,
    receive_buffer: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Wire]:
    """An open websocket behind its hello, and authenticated if there is a token."""
    async with tcp(node, receive_buffer=receive_buffer, tls=tls) as wire:
        wire.codec = codec
        await wire.send(handshake(codec.subprotocol))
        assert (await wire.response()).status == 101
        await wire.hello()
        if token:
            await wire.authenticate(token)
        yield wire


def new_name() -> str:
    """A username that nobody has."""
    return f"u{uuid7().hex[-20:]}"


async def new_token(node: Node, username: str | None = None) -> str:
    """Register somebody, and be able to authenticate as them."""
    register = Register(username=username or new_name(), password=PASSWORD)
    async with Client(node.url) as client:
        return (await client.call(register)).token
