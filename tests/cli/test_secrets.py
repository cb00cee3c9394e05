"""Secrets do not get into logs: of a node that is used, misused and broken, as a process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import orjson
import pytest
from aiohttp import ClientSession
from lumina_protocol.codec import JSON
from lumina_protocol.fields import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from lumina_rt.config import Settings
from tests.cli.command import COMMAND, environment, free_ports, lumina
from tests.leaks import look

DATABASE_PASSWORD = "planted-database-password"
REDIS_PASSWORD = "planted-redis-password"
PASSWORD, WRONG_PASSWORD = "planted-right-password", "planted-wrong-password"
SECRET, OLD_SECRET = "9d1f5b1f0c6e9d2a4f7c8e3b6a1d0f9c", "4c7e9d2a1b6f8e3c5d0a9f7b2e4d6c8a"
ENCRYPTION_KEY = SECRET[::-1] + OLD_SECRET
FIXED = (
    DATABASE_PASSWORD, PASSWORD, WRONG_PASSWORD, SECRET, OLD_SECRET, ENCRYPTION_KEY,
    "$2b$04$", "planted" * 6,
)  # fmt: skip
READY_S = 15
WAIT_S = 8


@dataclass
class Serving:
    """A node as a process; `said` is all that it has written so far."""

    process: subprocess.Popen[str]
    port: int
    secrets: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    _ready: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            look(line)
            if "ready" in line:
                self._ready.set()
        self._ready.set()

    def wait(self) -> None:
        assert self._ready.wait(READY_S)
        assert self.process.poll() is None, self.said


@asynccontextmanager
async def serving(env: dict[str, str], port: int) -> AsyncIterator[Serving]:
    process = subprocess.Popen(
        [*COMMAND, "serve"], env=env, cwd="/", text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    node = Serving(process, port)
    reader = threading.Thread(target=node.read)
    reader.start()
    try:
        await asyncio.to_thread(node.wait)
        yield node
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 20)
        await asyncio.to_thread(reader.join)
        assert process.stdout
        process.stdout.close()


def with_password(url: str, password: str) -> str:
    """Where it names a user, it shows this password too."""
    user, at, rest = url.partition("@")
    return f"{user}:{password}{at}{rest}"


@pytest.fixture
def planted(settings: Settings, tmp_path: Path) -> dict[str, str]:
    return {
        "database_url": with_password(settings.database_url, DATABASE_PASSWORD),
        "redis_url": settings.redis_url,
        "redis_prefix": settings.redis_prefix,
        "secret": SECRET,
        "old_secrets": OLD_SECRET,
        "encryption_keys": f"k1:{ENCRYPTION_KEY}",
        "environment": "development",
        "blob_dir": str(tmp_path / "blobs"),
        "password_rounds": "4",
        "drain_wait_s": "0",
        "drain_spread_s": "0",
    }


@dataclass
class Misuse:
    """Everything is asked for over HTTP and over a websocket of its own."""

    node: Serving
    http: ClientSession

    async def ask(self, op: str, body: object, token: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.node.port}/v1/{op}"
        async with self.http.post(url, data=JSON.pack(body), headers=headers) as response:
            answer: dict[str, Any] = await response.json()
        self._plant(answer)
        async with self.websocket() as socket:
            if token:
                await self._say(socket, "auth", {"token": token})
            self._plant(await self._say(socket, op, body))
        return answer

    def websocket(self) -> connect:
        url = f"ws://127.0.0.1:{self.node.port}/v1/socket"
        return connect(url, subprotocols=[Subprotocol(JSON.subprotocol)])

    async def _say(self, socket: ClientConnection, op: str, body: object) -> dict[str, Any]:
        await socket.send(JSON.pack([1, 1, op, body]).decode())
        while (told := orjson.loads(await socket.recv()))[0] == 4:
            pass
        answer: dict[str, Any] = told[-1]
        return answer

    def _plant(self, answer: dict[str, Any]) -> None:
        self.node.secrets |= {answer[name] for name in ("token", "refresh_token") if name in answer}

    async def raw(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.node.port)
        writer.write(data)
        writer.write_eof()
        said = await asyncio.wait_for(reader.read(), WAIT_S)
        writer.close()
        return said


async def use(it: Misuse) -> str:
    """All that is in order, or refused. Returns a token."""
    who = {"username": "alice", "password": PASSWORD}
    made = await it.ask("account.register", who)
    bot = {"token_id": uuid7(), "name": "bot", "scopes": ["read"]}
    await it.ask("token.create", bot, made["token"])
    await it.ask("account.login", who | {"password": WRONG_PASSWORD})
    await it.ask("account.login", {"username": WRONG_PASSWORD * 9, "password": PASSWORD})
    await it.ask("account.login", {PASSWORD: 1, "password": [PASSWORD]})
    await it.ask("account.login", who | {"username": PASSWORD})
    refresh = {"refresh_token": made["refresh_token"]}
    for _ in range(2):  # the second one ends the login
        await it.ask("account.refresh", refresh | {"op_id": uuid7()})
    await it.ask("session.list", {}, made["token"])
    again = await it.ask("account.login", who)
    await it.ask("session.list", {}, again["token"])
    return str(again["token"])


async def mistreat(it: Misuse, token: str) -> None:
    """What is malformed, in each of the ways in which it shows a secret."""
    forged = jwt.encode({"sub": "x"}, "x" * 32, "HS256", {"kid": PASSWORD})
    it.node.secrets.add(forged)
    for shown in (forged, token + "x", token[:-1], f"lbot_{'planted' * 6}", f"lref_{PASSWORD}"):
        await it.ask("session.list", {"x": shown}, shown)
        await it.ask("auth", {"token": shown})
    await it.ask(token, {})
    body = f'{{"password": "{PASSWORD}", '.encode()
    for head in (
        f"POST /v1/account.login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}",
        f"POST /v1/{token} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}",
        f"POST /v1/ping HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\x00\r\nX: y",
        f"POST /v1/ping HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer {token}\r\nX: y",
        f"POST /v1/ping HTTP/1.1\r\nHost: x\r\nBearer {token}",
        f"POST /v1/ping?token={token} HTTP/9.9\r\nHost: x",
        f"{token} /v1/ping HTTP/1.1\r\nHost: x",
        f"POST /v1/ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {token}",
        f"POST /v1/ping HTTP/1.1\r\nHost: x\r\nContent-Length: {token}",
        f"GET /v1/socket?token={token} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Key: {token}\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13",
        f"GET /v1/socket HTTP/1.1\r\nUpgrade: websocket\r\nAuthorization {token}",
        f"GET /v1/socket HTTP/1.1\r\nUpgrade: websocket\r\nX: y\r\n {token}\x00",
    ):
        await it.raw(head.encode() + b"\r\n\r\n" + body)
    for frame in (body.decode(), f'[1, 1, "auth", {{"token": "{token}"}}', body):
        async with it.websocket() as socket:
            await socket.send(frame)
            await asyncio.wait_for(socket.wait_closed(), WAIT_S)
            assert socket.close_code in (1003, 4500)


async def break_store(it: Misuse, token: str, pg: asyncpg.Connection) -> None:
    """While it is asked: statements fail, rows are refused, connections are cut."""
    refuse = "alter table users add constraint planted check (username <> 'mallory')"
    newcomer = {"username": "mallory", "password": PASSWORD}
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )
    breaks = [(refuse, "alter table users drop constraint planted"), (cut, "select 1")]
    for name in ("sessions", "refresh_tokens", "access_tokens", "users"):
        there, back = f"alter table {name}", "alter table hidden"
        breaks += [(f"{there} rename to hidden", f"{back} rename to {name}")]
    for breaking, mending in breaks:
        await pg.execute(breaking)
        try:
            await it.ask("account.register", newcomer)
            await it.ask("account.login", {"username": "alice", "password": PASSWORD})
            refresh = {"op_id": uuid7(), "refresh_token": "lref_planted"}
            await it.ask("account.refresh", refresh, token)
            await it.ask("session.list", {}, token)
            await it.ask("session.list", {}, f"lbot_{'planted' * 6}")
            bot = {"token_id": uuid7(), "name": "bot", "scopes": ["read"]}
            await it.ask("token.create", bot, token)
            await it.ask("auth", {"token": token})
        finally:
            await pg.execute(mending)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_secret_is_logged_whatever_happens(
    planted: dict[str, str], pg: asyncpg.Connection, form: str, level: str
) -> None:
    port, private_port = free_ports(2)
    env = environment(
        **planted, log_format=form, log_level=level,
        port=str(port), private_port=str(private_port),
    )  # fmt: skip
    async with serving(env, port) as node, ClientSession() as http:
        it = Misuse(node, http)
        token = await use(it)
        await mistreat(it, token)
        await break_store(it, token, pg)
        hashes = [row[0] for row in await pg.fetch("select password_hash from users")]
    said = "".join(node.said)
    for happened in ("request failed", "request refused", "used twice", "Traceback"):
        assert happened in said, said
    assert len(node.secrets) > 8
    secrets = {*FIXED, *node.secrets, *hashes}
    leaks = [line for line in node.said if any(secret in line for secret in secrets)]
    assert not leaks, leaks[:5]


URL = f"postgresql://lumina:{DATABASE_PASSWORD}"


@pytest.mark.parametrize(
    "changes",
    [
        {"database_url": f"{URL}@127.0.0.1:9/x"},
        {"database_url": f"{URL}@/x?host=/nowhere"},
        {"database_url": f"{URL}@127.0.0.1:port/x"},
        {"database_url": f"{URL}@[::1/x"},
        {"database_url": f"mysql://lumina:{DATABASE_PASSWORD}@x/x"},
        {"redis_url": f"redis://:{REDIS_PASSWORD}@127.0.0.1:9"},
        {"redis_url": f"redis://:{REDIS_PASSWORD}@127.0.0.1:port"},
        {"redis_url": f"http://:{REDIS_PASSWORD}@127.0.0.1:9"},
        {"secret": "planted-short", "environment": "production"},
    ],
)
def test_no_secret_is_told_of_settings_that_cannot_be_used(
    planted: dict[str, str], changes: dict[str, str]
) -> None:
    settings = {**planted, "port": "0", "private_port": "0", "log_level": "debug", **changes}
    done = lumina("serve", env=environment(**settings))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    (name, value) = next(iter(changes.items()))
    assert f"LUMINA_{name.upper()}" in said
    assert [s for s in (*FIXED, REDIS_PASSWORD, value) if s in said] == []
