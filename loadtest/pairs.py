"""Pairs of users in a closed loop: one sends when it has been answered, the other notes what comes.

Frames are made and told apart by their first bytes, and read only after the measurement.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lumina_protocol.codec import MSGPACK
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import ReplyFrame
from lumina_protocol.messages import MessageSent, SendMessage

from loadtest import verify
from loadtest.receiver import MESSAGE, Crowd, Receiver, client_frame
from loadtest.screen import Advance

CONTENT = "x" * 128
REPLY, ERROR = b"\x93\x02", b"\x93\x03"
"""How [2, id, body] and [3, id, error] begin in MessagePack."""
FIRST_ID = 3
"""Receiver asks with 1 and 2."""
STEPS = 20
"""Of a progress bar."""


@dataclass(slots=True)
class Budget:
    """Messages that all senders together may still begin."""

    left: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    message_id: UUID
    at: float
    """By time.perf_counter()."""


class Sender(Receiver):
    """Counts the answers to what it sends; the events of its own messages it ignores."""

    __slots__ = ("_budget", "_conversation", "replies", "sent")

    def __init__(
        self, crowd: Crowd, opening: bytes, token: str, conversation_id: UUID, budget: Budget
    ) -> None:
        super().__init__(crowd, opening, token, keep=False)
        self.sent: list[Sent] = []
        self.replies: list[tuple[float, bytes]] = []
        self._budget = budget
        self._conversation = conversation_id.bytes

    def send(self) -> None:
        """The next message, if there is one left."""
        if self._budget.left <= 0:
            return
        self._budget.left -= 1
        sent = Sent(uuid7(), time.perf_counter())
        body = {
            "conversation_id": self._conversation,
            "message_id": sent.message_id,
            "content": CONTENT,
        }
        request = MSGPACK.pack((1, FIRST_ID + len(self.sent), SendMessage.op, body))
        self.sent.append(sent)
        self.write(client_frame(request))

    def count(self, payload: bytes) -> None:
        if payload.startswith(REPLY):
            self.frames += 1
            self.replies.append((time.perf_counter(), payload))
            self.send()
        elif payload.startswith(ERROR):
            self.fail(f"a message was refused with {MSGPACK.decode(payload)}")


class Taker(Receiver):
    """Notes when each event came."""

    __slots__ = ("times",)

    def __init__(self, crowd: Crowd, opening: bytes, token: str) -> None:
        super().__init__(crowd, opening, token, keep=True)
        self.times: list[float] = []

    def count(self, payload: bytes) -> None:
        if payload.startswith(MESSAGE):
            self.times.append(time.perf_counter())
            super().count(payload)


@dataclass(frozen=True, slots=True)
class Acked:
    seq: int
    sent: Sent
    at: float


@dataclass(frozen=True, slots=True)
class Pair:
    sender: Sender
    taker: Taker

    def acked(self) -> list[Acked]:
        """What the sender was told, in the order of the answers."""
        return [self._acked(at, payload) for at, payload in self.sender.replies]

    def _acked(self, at: float, payload: bytes) -> Acked:
        frame = MSGPACK.decode(payload)
        assert isinstance(frame, ReplyFrame)
        sent = MessageSent.model_validate(frame.body)
        asked = self.sender.sent[frame.id - FIRST_ID]
        return Acked(sent.seq, Sent(sent.message_id, asked.at), at)

    def faults(self, acked: Sequence[Acked]) -> list[str]:
        """What is wrong, in sentences."""
        asked = sorted(sent.message_id for sent in self.sender.sent)
        told = {ack.seq: ack.sent.message_id for ack in acked}
        found = verify.holes(told)
        if sorted(ack.sent.message_id for ack in acked) != asked:
            found.append("not every message was acknowledged once, under its own id")
        return found + verify.misread(self.taker.kept or [], told, CONTENT)

    def delays(self, acked: Sequence[Acked], since: float) -> tuple[list[float], list[float]]:
        """Seconds from send to ack, and from send to delivery, of what was sent since then. Holds
        for a pair without faults: what came is then in the order of seq."""
        measured = [ack for ack in acked if ack.sent.at >= since]
        came = self.taker.times
        return (
            [ack.at - ack.sent.at for ack in measured],
            [came[ack.seq - 1] - ack.sent.at for ack in measured],
        )


async def exchange(
    pairs: Sequence[Pair],
    crowd: Crowd,
    budget: Budget,
    messages: int,
    under_way: int,
    advance: Advance = lambda done: None,
) -> None:
    """Send so many in all, so many at once by each sender, until all are acknowledged and
    delivered. Raises as `Crowd.until`."""
    begun_at = crowd.frames
    budget.left = messages
    for pair in pairs:
        for _ in range(under_way):
            pair.sender.send()
    for step in range(1, STEPS + 1):
        done = messages * step // STEPS
        await crowd.until(begun_at + 2 * done)  # an answer and an event for each
        advance(done)
