"""A mail server on loopback that delivers nothing, and shows what it gets: RFC 5321, as much of it
as a client needs, with PIPELINING, 8BITMIME and SMTPUTF8, and STARTTLS or AUTH PLAIN if wanted.
"""

from __future__ import annotations

import asyncio
import base64
import email
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTPUTF8

HOST = "127.0.0.1"
MAX_LINE = 1024 * 1024
START_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Caught:
    """A mail: the envelope, and what was in it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    tls: bool = False

    @property
    def message(self) -> EmailMessage:
        made = email.message_from_bytes(self.raw, policy=SMTPUTF8)
        assert isinstance(made, EmailMessage)
        return made

    @property
    def text(self) -> str:
        content: str = self.message.get_content()
        return content.replace("\r\n", "\n")


@dataclass(slots=True)
class Catcher:
    """Calls `show` with each mail; `answer` may refuse one first: it gets the verb and its argument
    (RCPT, DATA ...), and returns a reply such as `450 later`, or None for the usual one."""

    show: Callable[[Caught], None]
    answer: Callable[[str, str], str | None] = lambda verb, argument: None
    tls: ssl.SSLContext | None = None
    login: tuple[str, str] | None = None
    port: int = 0
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listens from here on, at `port`; lines that are open are cut at the end."""
        server = await asyncio.start_server(self._serve, HOST, self.port, limit=MAX_LINE)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in self.open:
                task.cancel()
            await asyncio.gather(*self.open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        try:
            await Talk(self, reader, writer).hold()
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # it has hung up, or does not speak SMTP
        except asyncio.CancelledError:
            pass
        finally:
            self.open.discard(task)
            writer.close()


@dataclass(slots=True)
class Talk:
    """One connection."""

    catcher: Catcher
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    tls: bool = False
    known: bool = False

    async def hold(self) -> None:
        self._say("220 lumina.test shows mails and delivers none")
        while True:
            verb, _, argument = (await self._line()).partition(" ")
            verb = verb.upper()
            if refusal := self.catcher.answer(verb, argument):
                self._say(refusal)
            elif verb == "QUIT":
                self._say("221 bye")
                return
            elif verb == "DATA":
                await self._data()
            elif verb == "STARTTLS" and self.catcher.tls:
                self._say("220 go on")
                await self.writer.start_tls(self.catcher.tls)
                self.tls = True
            else:
                self._say(self._reply(verb, argument))

    def _reply(self, verb: str, argument: str) -> str:
        match verb:
            case "EHLO":
                return self._greeting()
            case "AUTH":
                self.known = argument == f"PLAIN {self._credentials()}"
                return "235 welcome" if self.known else "535 5.7.8 who are you?"
            case "MAIL" if self.catcher.login and not self.known:
                return "530 5.7.0 log in first"
            case "MAIL":
                self.sender, self.recipients = _path(argument), []
            case "RCPT":
                self.recipients.append(_path(argument))
            case "RSET":
                self.sender, self.recipients = None, []
            case "HELO" | "NOOP":
                pass
            case _:
                return "502 not here"
        return "250 ok"

    def _greeting(self) -> str:
        lines = ["lumina.test", "PIPELINING", "8BITMIME", "SMTPUTF8"]
        if self.catcher.tls and not self.tls:
            lines.append("STARTTLS")
        if self.catcher.login:
            lines.append("AUTH PLAIN")
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    def _credentials(self) -> str:
        """RFC 4616."""
        name, password = self.catcher.login or ("", "")
        return base64.b64encode(f"\0{name}\0{password}".encode()).decode()

    async def _data(self) -> None:
        if self.sender is None or not self.recipients:
            self._say("503 whose mail, and to whom?")
            return
        self._say("354 end with a dot")
        lines = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if refusal := self.catcher.answer(".", ""):
            self._say(refusal)
            return
        mail = Caught(self.sender, tuple(self.recipients), b"".join(lines), self.tls)
        self.catcher.show(mail)
        self._say("250 shown")
        self.sender, self.recipients = None, []

    async def _line(self) -> str:
        return (await self.reader.readuntil(b"\r\n")).decode().rstrip("\r\n")

    def _say(self, reply: str) -> None:
        self.writer.write(reply.encode() + b"\r\n")


def _path(argument: str) -> str:
    """The address of `FROM:<alice@example.com> SIZE=7`."""
    return argument.partition("<")[2].rpartition(">")[0]


@contextmanager
def in_thread(show: Callable[[Caught], None]) -> Iterator[int]:
    """For a program without an event loop: a catcher in a thread of its own, at this port."""
    started, ended = threading.Event(), asyncio.Event()
    loop, catcher = asyncio.new_event_loop(), Catcher(show)

    async def run() -> None:
        async with catcher.running():
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    if not started.wait(START_TIMEOUT_S):
        raise OSError("the mail catcher did not start")
    try:
        yield catcher.port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(START_TIMEOUT_S)
        loop.close()
