from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from lumina_protocol.errors import Blocked, LuminaError, RateLimited
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import MessageSent, SendMessage

from lumina_rt.client.errors import CallTimeout
from lumina_rt.client.sender import Sender

TALK, OTHER = uuid7(), uuid7()


class Server:
    """Answers what is asked with what is laid out for its content; the last answer stays."""

    def __init__(self, **answers: list[Exception | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(self, request: SendMessage) -> MessageSent:
        self.asked.append(request.content)
        await self.may_answer.wait()
        left = self.answers.get(request.content, [None])
        if answer := left.pop(0) if len(left) > 1 else left[0]:
            raise answer
        return MessageSent(message_id=request.message_id, seq=1, rev=1, created_at=0)


def message(content: str, conversation: UUID = TALK) -> SendMessage:
    return SendMessage(conversation_id=conversation, message_id=uuid7(), content=content)


async def test_what_was_given_first_is_settled_first() -> None:
    server = Server(a=[RateLimited(retry_after_ms=1), CallTimeout("no answer"), None])
    sender = Sender(server.call)
    await asyncio.gather(*(sender.send(message(text)) for text in "abc"))
    assert server.asked == ["a", "a", "a", "b", "c"]


async def test_a_refusal_for_good_lets_the_next_one_go() -> None:
    server = Server(a=[Blocked()])
    sender = Sender(server.call)
    first, second = await asyncio.gather(
        sender.send(message("a")), sender.send(message("b")), return_exceptions=True
    )
    assert isinstance(first, LuminaError)
    assert isinstance(second, MessageSent)


async def test_conversations_do_not_wait_for_each_other() -> None:
    server = Server()
    server.may_answer.clear()
    sender = Sender(server.call)
    sending = [
        asyncio.create_task(sender.send(asked))
        for asked in (message("a"), message("b"), message("c", OTHER))
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert server.asked == ["a", "c"]
    server.may_answer.set()
    await asyncio.gather(*sending)
    assert len(sender._turns) == 0, "nothing is kept of what is settled"


async def test_who_gives_up_lets_the_next_one_go() -> None:
    server = Server()
    server.may_answer.clear()
    sender = Sender(server.call)
    first = asyncio.create_task(sender.send(message("a")))
    second = asyncio.create_task(sender.send(message("b")))
    await asyncio.sleep(0)
    first.cancel()
    server.may_answer.set()
    assert (await second).seq == 1
    with pytest.raises(asyncio.CancelledError):
        await first
