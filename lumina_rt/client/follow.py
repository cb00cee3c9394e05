"""A conversation as one unbroken sequence: what was said, then what is being said."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from lumina_protocol.conversations import ConversationGone, ConversationLeft, ConversationReset
from lumina_protocol.errors import NotFound
from lumina_protocol.messages import Message, MessageCreated, ReadHistory

from lumina_rt.client.client import Client

PAGE = 200


async def follow(
    client: Client, conversation_id: UUID, *, history: int = 50
) -> AsyncGenerator[Message, None]:
    """The newest `history` messages and everything after them: in order, without holes, once.
    History is one page: 200 messages at most, fewer when they are long.

    What becomes of them later, `inbox` tells. Raises what `call` raises, and NotFound when the user
    is no longer a member.
    """
    with client.inbox() as inbox:  # opened before history is read, so that nothing falls between
        page = await client.call(
            ReadHistory(conversation_id=conversation_id, limit=max(1, min(history, PAGE)))
        )
        client.begin(conversation_id, rev=page.last_rev, seq=page.last_seq)
        last = page.messages[-1].seq if page.messages else 0
        for message in page.messages[-history:] if history else ():
            yield message
        async for news in inbox:
            match news:
                case MessageCreated(message=message):
                    if message.conversation_id == conversation_id and message.seq > last:
                        last = message.seq
                        yield message
                case ConversationReset(conversation_id=reset) if reset == conversation_id:
                    async for message in _after(client, conversation_id, last):
                        last = message.seq
                        yield message
                case (
                    ConversationGone(conversation_id=gone) | ConversationLeft(conversation_id=gone)
                ) if gone == conversation_id:
                    raise NotFound("You are not in this conversation any more.")


async def _after(client: Client, conversation_id: UUID, seq: int) -> AsyncIterator[Message]:
    while True:
        page = await client.call(
            ReadHistory(conversation_id=conversation_id, after_seq=seq, limit=PAGE)
        )
        for message in page.messages:
            yield message
        seq = page.messages[-1].seq if page.messages else page.last_seq
        if seq >= page.last_seq:
            return
