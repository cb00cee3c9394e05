"""A conversation as one unbroken sequence: what was said, then what is being said."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from lumina_protocol.messages import Message, MessageCreated, ReadHistory

from lumina_rt.client.client import Client
from lumina_rt.client.inbox import Connected, News

PAGE = 200


async def follow(
    client: Client, conversation_id: UUID, *, history: int = 50
) -> AsyncGenerator[Message, None]:
    """The newest `history` messages and everything after them: in order, without holes, once.
    History is one page: 200 messages at most, fewer when they are long.

    Holes, for example after a reconnect, are filled from the server. Raises what `call` raises.
    """
    with client.inbox() as inbox:  # opened before history is read, so that nothing falls between
        page = await client.call(
            ReadHistory(conversation_id=conversation_id, limit=max(1, min(history, PAGE)))
        )
        last = page.messages[-1].seq if page.messages else 0
        for message in page.messages[-history:] if history else ():
            yield message
        async for news in inbox:
            if not _concerns(news, conversation_id, last):
                continue
            if isinstance(news, MessageCreated) and news.message.seq == last + 1:
                last += 1
                yield news.message
                continue
            async for message in _after(client, conversation_id, last):
                last = message.seq
                yield message


def _concerns(news: News, conversation_id: UUID, last: int) -> bool:
    if isinstance(news, MessageCreated):
        return news.message.conversation_id == conversation_id and news.message.seq > last
    return isinstance(news, Connected)


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
