"""`lumina chat`: talk in a terminal, over the client SDK."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import click
from lumina_protocol.conversations import Conversation
from lumina_protocol.errors import CodeNeeded, LuminaError

from lumina_rt.cli import chat_list
from lumina_rt.cli.chat_commands import Left, Wrong, complaint, enter
from lumina_rt.cli.chat_input import Keyboard, OwnTyping
from lumina_rt.cli.chat_screen import Screen
from lumina_rt.cli.chat_status import status
from lumina_rt.cli.chat_talk import Talk
from lumina_rt.client import Client, ClientError
from lumina_rt.dev import state

DEFAULT_URL = "ws://127.0.0.1:8080/v1/socket"
LAST_WORDS_S = 5


@dataclass(frozen=True)
class Wanted:
    """Which conversation, and how much of it. At most one of the three is given."""

    peer: str | None = None
    group: str | None = None
    new_group: str | None = None
    invited: tuple[str, ...] = ()
    history: int = 20
    numbers: bool | None = None
    """None: in a terminal."""


@click.command("chat", short_help="Talk to somebody in the terminal.")
@click.option("--as", "me", required=True, metavar="NAME", help="Your username.")
@click.option("--with", "peer", metavar="NAME", help="Whom to talk to.")
@click.option("--in", "group", metavar="TITLE", help="A group that you are in: its title or id.")
@click.option("--new-group", metavar="TITLE", help="Open a group, with those you --invite.")
@click.option("--invite", "invited", metavar="NAME", multiple=True, help="Again for each of them.")
@click.option("--url", help=f"The node. [default: that of `lumina dev`, or {DEFAULT_URL}]")
@click.option("--history", type=click.IntRange(0, 200), default=20, show_default=True,
              help="How many earlier messages to show.")  # fmt: skip
@click.option("--numbers/--no-numbers", default=None,
              help="Number the messages, for commands. [default: in a terminal]")  # fmt: skip
def command(me: str, url: str | None, **options: Any) -> None:
    """Talk to somebody: what was said before, then live. Ctrl-D leaves.

    Without --with, --in and --new-group your conversations are listed, and you choose one.
    /help lists what can be done with messages: answer, react, edit, search and so on.

    The password is that of the demo account after `lumina dev`, or LUMINA_PASSWORD, or asked for;
    so is a code, of accounts with a second factor.
    Lines from a pipe are sent one by one, and obeyed when they begin with "/".

    \b
    Examples:
      lumina chat --as alice --with bob
      lumina chat --as bob --with alice --url ws://127.0.0.1:8081/v1/socket
      lumina chat --as alice --new-group "Film club" --invite bob
      lumina chat --as bob --in "Film club"
      echo "on my way" | lumina chat --as alice --with bob
    """
    wanted = Wanted(**options)
    if sum(map(bool, (wanted.peer, wanted.group, wanted.new_group))) > 1:
        raise click.UsageError("give one of --with, --in and --new-group")
    if bool(wanted.new_group) != bool(wanted.invited):
        raise click.UsageError("--new-group and --invite go together")
    url = url or default_url()
    password = find_password(me)

    def client(code: str | None = None) -> Client:
        return Client(url, username=me, password=password, code=code, receipts=True)

    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(chat(client(), wanted))
        except LuminaError as error:
            if error.body.code != CodeNeeded.code:
                raise
            code = str(click.prompt("Code of your app, or a recovery code", err=True))
            asyncio.run(chat(client(code), wanted))


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


async def chat(client: Client, wanted: Wanted) -> None:
    try:
        await client.connect()
    except OSError as error:
        raise click.ClickException(
            f"no server at {client.url} ({error.strerror or error}); start one with: make dev"
        ) from None
    try:
        keyboard = Keyboard()
        async with aclosing(keyboard.lines()) as lines:
            if conversation := await find(client, wanted, lines):
                await talk_in(client, conversation, wanted, keyboard, lines)
    finally:
        await client.close()


async def find(client: Client, wanted: Wanted, lines: AsyncIterator[str]) -> Conversation | None:
    if wanted.peer:
        return await chat_list.with_somebody(client, wanted.peer)
    if wanted.group:
        return await chat_list.called(client, wanted.group)
    if wanted.new_group:
        return await chat_list.new_group(client, wanted.new_group, wanted.invited)
    return await chat_list.chosen(client, lines)


async def talk_in(
    client: Client, conversation: Conversation, wanted: Wanted, keyboard: Keyboard,
    lines: AsyncIterator[str],
) -> None:  # fmt: skip
    """Until the lines end. Raises what ends the client for good, as an ExceptionGroup."""
    numbers = keyboard.terminal if wanted.numbers is None else wanted.numbers
    talk = Talk(client, conversation, Screen(conversation, numbers=numbers), keyboard.redraw)
    title = f"{conversation.title}. " if conversation.title else ""
    talk.screen.note(f"{title}{client.username} at {client.url}. Ctrl-D leaves.")
    typing = OwnTyping(talk.tell_typing)
    keyboard.typed, keyboard.toolbar = typing.typed, lambda: status(talk)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(talk.live(wanted.history)),
            tasks.create_task(talk.keep_reading()),
        ]
        await talk.begun.wait()
        await enter_all(talk, lines, typing)
        await talk.tell_read()
        for task in running:
            task.cancel()


async def enter_all(talk: Talk, lines: AsyncIterator[str], typing: OwnTyping) -> None:
    """One line after another, in the order in which they were written. A command is about what is
    on the screen: what was written before it is shown first, and at the end all of it is."""
    last = 0
    async for line in lines:
        typing.entered()
        if line.startswith("/"):
            await shown(talk, last)
        try:
            last = max(last, await enter(talk, line))
        except Left:
            talk.screen.note("you have left")
            return
        except (Wrong, ValueError, LuminaError, ClientError) as error:
            what = "" if isinstance(error, Wrong) else "not done: "
            talk.screen.failed(f"{what}{complaint(error)}")
    await shown(talk, last)


async def shown(talk: Talk, rev: int) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(talk.until(rev), LAST_WORDS_S)
