"""What a pair got is compared with what was acknowledged: nothing wrong passes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from lumina_protocol.codec import MSGPACK
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message, MessageCreated, MessageSent

from loadtest.pairs import CONTENT, FIRST_ID, Budget, Pair, Sender, Taker
from loadtest.receiver import Crowd

CONVERSATION, ALICE = uuid7(), uuid7()
COUNT = 4


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Its sender has sent four messages, to whoever reads them."""
    crowd = Crowd()
    sender = Sender(crowd, b"", "token", CONVERSATION, Budget(COUNT))
    ours, theirs = socket.socketpair()
    with theirs:
        await asyncio.get_running_loop().create_connection(lambda: sender, sock=ours)
        for _ in range(COUNT):
            sender.send()
        yield Pair(sender, Taker(crowd, b"", "token"))
        sender.cut()


def answer(pair: Pair, place: int, message_id: UUID, seq: int) -> None:
    sent = MessageSent(message_id=message_id, seq=seq, rev=seq, created_at=1)
    pair.sender.count(MSGPACK.reply(FIRST_ID + place, sent))


def event(pair: Pair, seq: int, content: str = CONTENT) -> None:
    message = Message(
        conversation_id=CONVERSATION, message_id=pair.sender.sent[seq - 1].message_id, seq=seq,
        rev=seq, sender_id=ALICE, message_type="text", content=content, created_at=1,
    )  # fmt: skip
    pair.taker.count(MSGPACK.event(MessageCreated(message=message)))


def answer_all(pair: Pair) -> None:
    for place, sent in enumerate(pair.sender.sent):
        answer(pair, place, sent.message_id, place + 1)


@pytest.mark.parametrize(
    ("came", "fault"),
    [
        ([1, 2, 3, 4], None),
        ([1, 2, 4], "1 of 4 messages missing, first seq 3"),
        ([1, 2, 2, 3, 4], "1 of 4 messages got more than once, first seq 2"),
        ([1, 3, 2, 4], "1 of 4 messages got after a later one, first seq 2"),
    ],
)
async def test_what_came_must_be_all_once_and_in_order(
    pair: Pair, came: list[int], fault: str | None
) -> None:
    answer_all(pair)
    for seq in came:
        event(pair, seq)
    assert pair.faults(pair.acked()) == ([fault] if fault else [])


async def test_another_text_than_was_sent_is_a_fault(pair: Pair) -> None:
    answer_all(pair)
    for seq in range(1, COUNT + 1):
        event(pair, seq, CONTENT if seq != 2 else "y")
    assert pair.faults(pair.acked()) == ["1 of 4 messages not what was sent, first seq 2"]


@pytest.mark.parametrize("places", [[0, 1, 2], [0, 1, 1, 2, 3], [0, 1, 2, 2]])
async def test_each_message_must_be_acknowledged_once(pair: Pair, places: list[int]) -> None:
    for seq, place in enumerate(places, 1):
        answer(pair, place, pair.sender.sent[place].message_id, seq)
    faults = pair.faults(pair.acked())
    assert "not every message was acknowledged once, under its own id" in faults


async def test_delays_are_of_what_was_sent_since_the_warm_up(pair: Pair) -> None:
    answer_all(pair)
    for seq in range(1, COUNT + 1):
        event(pair, seq)
    acked = pair.acked()
    assert [len(delays) for delays in pair.delays(acked, since=0)] == [COUNT, COUNT]
    acks, deliveries = pair.delays(acked, since=pair.sender.sent[2].at)
    assert acks == [ack.at - ack.sent.at for ack in acked[2:]]
    came = pair.taker.times
    assert deliveries == [came[n] - pair.sender.sent[n].at for n in (2, 3)]
