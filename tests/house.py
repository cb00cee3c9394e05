"""Nodes and users for tests, through the front door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from lumina_protocol.accounts import Register
from lumina_protocol.codec import MSGPACK, Codec
from lumina_protocol.conversations import CreateConversation
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import MessageCreated, MessageSent, SendMessage

from lumina_rt import app
from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings

PASSWORD = "correct horse battery"
LIMITS = [name for name in Settings.model_fields if name.startswith("limit_")]
LOOSE = {
    **dict.fromkeys(LIMITS, "100000/1s burst 100000"),
    "requests_per_s": "1000000",
    "requests_burst": "1000000",
}
"""Limits that only a test which is about them meets: it sets its own."""


@asynccontextmanager
async def nodes(settings: Settings, count: int = 2, **changes: object) -> AsyncIterator[list[Node]]:
    """Real nodes on real sockets, in this process. Uploads stay as they are, but in tests that are
    about what becomes of them."""
    async with AsyncExitStack() as stack:
        running = []
        for number in range(count):
            update = {"node": f"node{number + 1}", "media_at_once": 0, **changes}
            own = settings.model_copy(update=update)
            running.append(await stack.enter_async_context(app.run(own)))
        yield running


async def register(node: Node, *usernames: str) -> None:
    async with Client(node.url) as client:
        for username in usernames:
            await client.call(Register(username=username, password=PASSWORD))


def user(node: Node, username: str, codec: Codec = MSGPACK) -> Client:
    """To be entered: `async with user(node, "alice") as alice`."""
    return Client(node.url, username=username, password=PASSWORD, codec=codec)


async def open_conversation(client: Client, username: str) -> UUID:
    asked = CreateConversation(conversation_id=uuid7(), username=username)
    return (await client.call(asked)).conversation.conversation_id


async def say(client: Client, conversation_id: UUID, content: str) -> MessageSent:
    return await client.call(
        SendMessage(conversation_id=conversation_id, message_id=uuid7(), content=content)
    )


def message(conversation: UUID, content: str, id_: UUID | None = None) -> SendMessage:
    return SendMessage(conversation_id=conversation, message_id=id_ or uuid7(), content=content)


async def send_all(client: Client, *requests: SendMessage) -> list[MessageSent | BaseException]:
    """In this order, all at once."""
    return await asyncio.gather(*map(client.call, requests), return_exceptions=True)


async def created(inbox: Inbox, count: int) -> list[MessageCreated]:
    events: list[MessageCreated] = []
    async for news in inbox:
        if isinstance(news, MessageCreated):
            events.append(news)
        if len(events) == count:
            return events
    raise AssertionError("an inbox does not end")
