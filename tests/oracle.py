"""The oracle: what a client knew before, plus the events it got, is what a fresh client sees.

After Zulip's `verify_action` tests, which compare `fetch_initial_state + events` with a new fetch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.conversations import Conversation, ConversationCreated, ListConversations
from lumina_protocol.messages import Message, MessageChanged, MessageCreated, ReadHistory

from lumina_rt.client import Client, Inbox, News

SETTLE_S = 5


@dataclass
class World:
    """All that one user may see."""

    conversations: dict[UUID, Conversation] = field(default_factory=dict)
    messages: dict[tuple[UUID, int], Message] = field(default_factory=dict)
    told: set[object] = field(default_factory=set, compare=False)
    """What events have told of; an event may be later than the snapshot that has it already."""

    def apply(self, news: News) -> None:
        match news:
            case ConversationCreated(conversation=new):
                self._once(new.conversation_id)
                self.conversations.setdefault(new.conversation_id, new)
            case MessageCreated(message=message):
                key = message.conversation_id, message.seq
                self._once(key)
                if key not in self.messages:
                    self.messages[key] = message
                    self._moved(message, last_seq=message.seq, updated_at=message.created_at)
            case MessageChanged(message=message):
                key = message.conversation_id, message.seq
                self._once((*key, message.rev))
                old = self.messages[key]
                kept = ("message_id", "sender_id", "message_type", "created_at")
                assert all(getattr(old, name) == getattr(message, name) for name in kept)
                if message.rev > old.rev:
                    self.messages[key] = message
                    self._moved(message)

    def _once(self, thing: object) -> None:
        assert thing not in self.told, f"told of {thing} twice"
        self.told.add(thing)

    def _moved(self, message: Message, **changes: int) -> None:
        """What the list of conversations shows of its newest message."""
        conversation = self.conversations[message.conversation_id]
        assert message.rev == conversation.last_rev + 1, "revs of live events are consecutive"
        moved = conversation.model_copy(update={"last_rev": message.rev, **changes})
        if message.seq == moved.last_seq:
            moved = moved.model_copy(update={"last_message": message})
        self.conversations[message.conversation_id] = moved


async def snapshot(client: Client) -> World:
    world = World()
    page = await client.call(ListConversations(limit=40))
    assert not page.more
    for conversation in page.conversations:
        world.conversations[conversation.conversation_id] = conversation
        after, last = 0, conversation.last_seq
        while after < last:
            asked = ReadHistory(
                conversation_id=conversation.conversation_id, after_seq=after, limit=200
            )
            for message in (await client.call(asked)).messages:
                world.messages[message.conversation_id, message.seq] = message
                after = message.seq
    return world


@asynccontextmanager
async def oracle(*clients: Client) -> AsyncIterator[None]:
    """Whatever happens in the block: afterwards each client's events explain the difference."""
    async with AsyncExitStack() as stack:
        watched = [
            (client, stack.enter_context(client.inbox()), await snapshot(client))
            for client in clients
        ]
        yield
        for client, inbox, before in watched:
            await _settle(before, inbox, await snapshot(client))


async def _settle(world: World, inbox: Inbox, fresh: World) -> None:
    try:
        async with asyncio.timeout(SETTLE_S):
            while world != fresh:
                world.apply(await anext(aiter(inbox)))
    except TimeoutError:
        assert world == fresh, "the events do not explain what changed"
