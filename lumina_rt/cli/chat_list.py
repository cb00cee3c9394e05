"""Which conversation `lumina chat` is about: one that was named, or chosen from a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import click
from lumina_protocol.conversations import Conversation, CreateConversation, ListConversations
from lumina_protocol.fields import uuid7
from lumina_protocol.members import CreateGroup
from rich.table import Table
from rich.text import Text

from lumina_rt.cli.chat_screen import gist, harmless, moment, put
from lumina_rt.cli.chat_status import listed, muted
from lumina_rt.client import Client

SHOWN = 20
PAGE = 40


async def with_somebody(client: Client, username: str) -> Conversation:
    asked = CreateConversation(conversation_id=uuid7(), username=username)
    return (await client.call(asked)).conversation


async def new_group(client: Client, title: str, invited: Sequence[str]) -> Conversation:
    asked = CreateGroup(conversation_id=uuid7(), title=title, usernames=list(invited))
    return (await client.call(asked)).conversation


async def called(client: Client, wanted: str) -> Conversation:
    """The group of this title, or the conversation of this id. Raises ClickException."""
    found = [each async for each in everything(client) if fits(each, wanted)]
    if not found:
        raise click.ClickException(
            f"you are in no group {harmless(wanted)}; without --in, your conversations are listed"
        )
    if len(found) > 1:
        ids = ", ".join(str(each.conversation_id) for each in found)
        raise click.ClickException(f"several are called so; give the id with --in: {ids}")
    return found[0]


def fits(conversation: Conversation, wanted: str) -> bool:
    title = (conversation.title or "").casefold()
    wanted = wanted.strip().casefold()
    return bool(wanted) and wanted in (title, str(conversation.conversation_id))


async def everything(client: Client) -> AsyncIterator[Conversation]:
    """All conversations of the user, the newest activity first."""
    before: tuple[int, UUID] | None = None
    while True:
        page = await client.call(ListConversations(before=before, limit=PAGE))
        for each in page.conversations:
            yield each
        if not page.more or not page.conversations:
            return
        before = page.conversations[-1].updated_at, page.conversations[-1].conversation_id


async def newest(client: Client) -> list[Conversation]:
    """Those to choose from: what is pinned, then the newest activity, without the archive."""
    pinned = (await client.call(ListConversations(pinned=True))).conversations
    page = await client.call(ListConversations(archived=False, limit=SHOWN))
    ids = {each.conversation_id for each in pinned}
    return [*pinned, *(each for each in page.conversations if each.conversation_id not in ids)]


async def chosen(client: Client, lines: AsyncIterator[str]) -> Conversation | None:
    """Shows them and reads which; None when the lines end before that."""
    conversations = await newest(client)
    assert client.ready
    me = client.ready.user_id
    if not conversations:
        raise click.ClickException("you have no conversation yet: --with NAME begins one")
    put(table(conversations, me))
    put(Text("-- Which? Its number, or the name of somebody. Ctrl-D leaves.", style="dim"))
    async for line in lines:
        number = int(line) if line.isascii() and line.isdigit() and len(line) < 9 else 0
        if 1 <= number <= len(conversations):
            return conversations[number - 1]
        named = [each for each in conversations if line.casefold() == heading(each, me).casefold()]
        if len(named) == 1:
            return named[0]
        put(Text(f"!! write a number from 1 to {len(conversations)}", style="red"))
    return None


def heading(conversation: Conversation, me: UUID) -> str:
    """Its title; of a conversation of two, the other's name."""
    others = [each.username for each in conversation.members if each.user_id != me]
    return conversation.title or listed(others) or "nobody else"


def table(conversations: Sequence[Conversation], me: UUID) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="dim")
    shown.add_column("", justify="right")
    shown.add_column("conversation", no_wrap=True, overflow="ellipsis", max_width=30)
    shown.add_column("unread", justify="right")
    shown.add_column("last message", no_wrap=True, overflow="ellipsis", ratio=1)
    shown.add_column("", no_wrap=True)
    for number, each in enumerate(conversations, 1):
        row = [str(number), heading(each, me), unread(each), last(each), state(each)]
        shown.add_row(*(Text(harmless(cell)) for cell in row))
    return shown


def unread(conversation: Conversation) -> str:
    if not conversation.unread:
        return "*" if conversation.preferences.marked_unread else ""
    return "999+" if conversation.unread == 999 else str(conversation.unread)


def last(conversation: Conversation) -> str:
    message = conversation.last_message
    if message is None:
        return ""
    names = {each.user_id: each.username for each in conversation.members}
    who = "" if message.message_type == "system" else f"{names.get(message.sender_id, '?')}: "
    return f"{moment(message.created_at)} {who}{gist(message)}"


def state(conversation: Conversation) -> str:
    kept = conversation.preferences
    return ", ".join(filter(None, ["pinned" if kept.pinned_at else "", muted(kept)]))
