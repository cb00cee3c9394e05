"""`lumina chat`: talk in a terminal, over the client SDK."""

from __future__ import annotations

import asyncio
import os
import sys
import unicodedata
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

import click
from lumina_protocol.conversations import Conversation, CreateConversation
from lumina_protocol.errors import CodeNeeded, LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, MessageChanged
from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console
from rich.text import Text

from lumina_rt.client import Client, ClientError, Connected, Interrupted, follow
from lumina_rt.dev import state

DEFAULT_URL = "ws://127.0.0.1:8080/v1/socket"
LAST_WORDS_S = 5
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
COLOURS = ("cyan", "magenta", "green", "yellow")


@click.command("chat", short_help="Talk to somebody in the terminal.")
@click.option("--as", "me", required=True, metavar="NAME", help="Your username.")
@click.option("--with", "peer", required=True, metavar="NAME", help="Whom to talk to.")
@click.option("--url", help=f"The node. [default: that of `lumina dev`, or {DEFAULT_URL}]")
@click.option("--history", type=click.IntRange(0, 200), default=20, show_default=True,
              help="How many earlier messages to show.")  # fmt: skip
def command(me: str, peer: str, url: str | None, history: int) -> None:
    """Talk to somebody: what was said before, then live. Ctrl-D leaves.

    The password is that of the demo account after `lumina dev`, or LUMINA_PASSWORD, or asked for;
    so is a code, of accounts with a second factor.
    Lines from a pipe are sent one by one.

    \b
    Examples:
      lumina chat --as alice --with bob
      lumina chat --as bob --with alice --url ws://127.0.0.1:8081/v1/socket
      echo "on my way" | lumina chat --as alice --with bob
    """
    url = url or default_url()
    password = find_password(me)
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(chat(Client(url, username=me, password=password), peer, history))
        except LuminaError as error:
            if error.body.code != CodeNeeded.code:
                raise
            code = str(click.prompt("Code of your app, or a recovery code", err=True))
            client = Client(url, username=me, password=password, code=code)
            asyncio.run(chat(client, peer, history))


def default_url() -> str:
    kept = state.load()
    return kept.urls[0] if kept and kept.urls else DEFAULT_URL


def find_password(username: str) -> str:
    if given := os.environ.get("LUMINA_PASSWORD"):
        return given
    kept = state.load()
    if kept and username in kept.accounts:
        return kept.accounts[username]
    return str(click.prompt(f"Password of {username}", hide_input=True, err=True))


async def chat(client: Client, peer: str, history: int) -> None:
    try:
        await client.connect()
    except OSError as error:
        raise click.ClickException(
            f"no server at {client.url} ({error.strerror or error}); start one with: make dev"
        ) from None
    try:
        asked = CreateConversation(conversation_id=uuid7(), username=peer)
        conversation = (await client.call(asked)).conversation
        await talk(client, conversation, Screen(conversation), history)
    finally:
        await client.close()


async def talk(client: Client, conversation: Conversation, screen: Screen, history: int) -> None:
    """Until the lines end. Raises what ends the client for good, as an ExceptionGroup."""
    screen.note(f"{client.username} at {client.url}. Ctrl-D leaves.")
    async with asyncio.TaskGroup() as tasks:
        showing = [
            tasks.create_task(show(client, conversation, history, screen)),
            tasks.create_task(show_news(client, conversation, screen)),
        ]
        sent = await send_lines(client, conversation, screen)
        with suppress(TimeoutError):  # what a pipe has sent, or asked to see, is shown first
            last = sent or (conversation.last_seq if history else 0)
            await asyncio.wait_for(screen.until(last), LAST_WORDS_S)
        for task in showing:
            task.cancel()


class Screen:
    """Prints above the prompt."""

    def __init__(self, conversation: Conversation) -> None:
        self.names = {member.user_id: member.username for member in conversation.members}
        self.colours = dict(zip(self.names, COLOURS, strict=False))
        self.width = max(len(name) for name in self.names.values())
        self.shown = 0
        self._moved = asyncio.Event()

    async def until(self, seq: int) -> None:
        """Wait until this message is on the screen."""
        while self.shown < seq:
            self._moved.clear()
            await self._moved.wait()

    def message(self, message: Message) -> None:
        self.changed(message)
        self.shown = message.seq
        self._moved.set()

    def changed(self, message: Message) -> None:
        """A message as it is now, once more."""
        at = datetime.fromtimestamp(message.created_at / 1000)
        name = self.names.get(message.sender_id, "?")
        line = Text(f"{at:%H:%M} ", style="dim")
        line.append(f"{name:>{self.width}}  ", style=self.colours.get(message.sender_id, "white"))
        line.append(harmless(message.content), style="default")
        if message.is_deleted:
            line.append("(deleted)", style="dim")
        elif message.edited_at:
            line.append(" (edited)", style="dim")
        self._print(line)

    def note(self, text: str) -> None:
        self._print(Text(f"-- {text}", style="dim"))

    def failed(self, text: str) -> None:
        self._print(Text(f"!! {text}", style="red"))

    def _print(self, line: Text) -> None:
        # Made anew each time: inside patch_stdout, sys.stdout is what keeps the prompt below.
        Console(file=sys.stdout, force_terminal=sys.stdout.isatty(), highlight=False).print(
            line, soft_wrap=True
        )


def harmless(text: str) -> str:
    """Without what a terminal would obey, or what would look like a line of somebody else."""
    shown = text.replace("\n", " \u23ce ")
    return "".join(
        "\ufffd" if unicodedata.category(char) == "Cc" or char in BIDI else char for char in shown
    )


async def show(client: Client, conversation: Conversation, history: int, screen: Screen) -> None:
    async for message in follow(client, conversation.conversation_id, history=history):
        screen.message(message)


async def show_news(client: Client, conversation: Conversation, screen: Screen) -> None:
    """What became of earlier messages, and of the connection."""
    with client.inbox() as inbox:
        async for news in inbox:
            match news:
                case Interrupted(code, reason):
                    screen.note(f"connection lost ({code} {reason}), connecting again ...")
                case Connected():
                    screen.note("connected again")
                case MessageChanged(message=message):
                    if message.conversation_id == conversation.conversation_id:
                        screen.changed(message)


async def send_lines(client: Client, conversation: Conversation, screen: Screen) -> int:
    """One after another, in the order in which they were written; returns the seq of the last."""
    last, conversation_id = 0, conversation.conversation_id
    async for line in lines():
        try:
            last = (await client.send(conversation_id, line)).seq
        except ValueError:
            screen.failed("not sent: a message has 1 to 4,000 characters")
        except (LuminaError, ClientError) as error:
            screen.failed(f"not sent: {error}")
    return last


async def lines() -> AsyncIterator[str]:
    """What is typed, or what comes through a pipe, without empty lines."""
    if sys.stdin.isatty():
        session: PromptSession[str] = PromptSession("> ", erase_when_done=True)
        with patch_stdout(raw=True), suppress(EOFError, KeyboardInterrupt):
            while True:
                if line := (await session.prompt_async()).strip():
                    yield line
    else:
        while raw := await asyncio.to_thread(sys.stdin.readline):
            if line := raw.strip():
                yield line
