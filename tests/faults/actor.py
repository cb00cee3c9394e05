"""A client that does random things and writes down what it did and saw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from lumina_protocol.conversations import ConversationReply, SyncConversation, SyncPage
from lumina_protocol.frame import Reply, Request
from lumina_protocol.members import AddMembers, CreateGroup, MembersChanged, RemoveMember
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    MessageDeleted,
    MessageEdited,
    MessagePage,
    MessageSent,
    ReadHistory,
    SendMessage,
)

from tests.faults.log import (
    Answered,
    Asked,
    Begun,
    Dropped,
    Entry,
    Interrupted,
    Log,
    Page,
    Read,
    Seen,
    Told,
)
from tests.faults.recorded import seen
from tests.faults.relay import Relay
from tests.faults.stream import Stream

HOUR_MS = 3_600_000
LATELY = 40
"""Of one's own messages, so many may still be edited or deleted."""
OfMembers = CreateGroup | AddMembers | RemoveMember
Asking = SendMessage | EditMessage | DeleteMessage | ReadHistory | SyncConversation | OfMembers


@dataclass(slots=True, eq=False)
class Actor:
    """One device."""

    log: Log
    random: Random
    """Of its own, made from the seed and its name."""
    people: dict[str, UUID]
    """All users by name, oneself too."""
    relays: list[Relay]
    """Between it and each node."""
    clock_off_ms: int = 0
    sibling: Actor | None = None
    """Another device of the same user."""
    stream: Stream = field(init=False)
    conversations: list[UUID] = field(default_factory=list)
    """In which it is as far as it knows."""
    groups: list[UUID] = field(default_factory=list)
    """That it has opened."""
    mine: dict[UUID, Seen] = field(default_factory=dict)
    """The newest of one's own messages, as they were last seen."""
    sent: int = 0
    asked: int = 0
    interruptions: int = 0
    newest: dict[UUID, int] = field(default_factory=dict)
    """The highest rev of each conversation that it has heard of."""

    def write(self, entry: Entry) -> None:
        self.log.entries.append(entry)
        if isinstance(entry, Told):
            self._know(entry.message)
        elif isinstance(entry, Page | Read):
            for message in entry.messages:
                self._know(message)
        elif isinstance(entry, Begun):
            if entry.conversation not in self.conversations:
                self.conversations.append(entry.conversation)
        elif isinstance(entry, Dropped):
            self.conversations.remove(entry.conversation)
        elif isinstance(entry, Interrupted):
            self.interruptions += 1

    def _know(self, message: Seen) -> None:
        conversation = message.conversation
        self.newest[conversation] = max(message.rev, self.newest.get(conversation, 0))
        if message.sender != self.log.user:
            return
        old = self.mine.get(message.message)
        if message.is_deleted:
            self.mine.pop(message.message, None)
        elif old is None or message.rev > old.rev:
            self.mine[message.message] = message
            if len(self.mine) > LATELY:
                del self.mine[next(iter(self.mine))]

    def new_id(self) -> UUID:
        """A UUIDv7 by the clock of this device, see RFC 9562 section 5.7."""
        ms = time.time_ns() // 1_000_000 + self.clock_off_ms
        raw = bytearray(ms.to_bytes(6, "big") + self.random.randbytes(10))
        raw[6] = raw[6] & 0x0F | 0x70
        raw[8] = raw[8] & 0x3F | 0x80
        return UUID(bytes=bytes(raw))

    def says(self) -> str:
        """What nobody has said before."""
        self.sent += 1
        length = self.random.choice((0, 0, 10, 100, 1000))
        return f"{self.log.device} {self.sent} " + "." * length

    async def ask(self, op: str, request: Asking) -> Reply | str:
        """The answer, or why there is none."""
        self.asked += 1
        number = self.asked
        self.log.entries.append(self._asked(number, op, request))
        anything: Request[Any] = request
        answer: Reply | str = await self.stream.ask(anything)
        self._answered(number, request, answer)
        return answer

    def _answered(self, number: int, request: Asking, answer: Reply | str) -> None:
        now, talk = time.monotonic(), request.conversation_id
        match answer:
            case str():
                self.write(Answered(now, number, answer))
            case MessageSent() | MessageEdited() | MessageDeleted():
                self.newest[talk] = max(answer.rev, self.newest.get(talk, 0))
                self.write(Answered(now, number, "ok", answer.seq, answer.rev))
            case MembersChanged():
                self.write(Answered(now, number, "ok", answer.seq or 0, answer.rev or 0))
            case ConversationReply():
                self.groups.append(talk)
                self.write(Answered(now, number, "ok", 1, 1))
            case MessagePage():
                self.write(Answered(now, number, "ok"))
                self.write(Read(now, talk, [seen(message) for message in answer.messages]))
            case SyncPage():
                self.write(Answered(now, number, "ok"))
                messages = [seen(message) for message in answer.messages]
                self.write(Page(now, "asked", talk, answer.from_rev, answer.to_rev, messages))

    def _asked(self, number: int, op: str, request: Asking) -> Asked:
        now, talk = time.monotonic(), request.conversation_id
        match request:
            case SendMessage():
                return Asked(now, number, op, talk, request.message_id, content=request.content)
            case EditMessage():
                key, rev = request.op_id, request.base_rev
                return Asked(now, number, op, talk, request.message_id, key, rev, request.content)
            case DeleteMessage():
                return Asked(now, number, op, talk, request.message_id, request.op_id)
            case CreateGroup():
                return Asked(now, number, op, talk, op_id=talk)
            case AddMembers(usernames=[name]):
                return Asked(now, number, op, talk, op_id=request.op_id, whom=self.people[name])
            case RemoveMember():
                return Asked(now, number, op, talk, op_id=request.op_id, whom=request.user_id)
            case _:
                return Asked(now, number, op, talk)
