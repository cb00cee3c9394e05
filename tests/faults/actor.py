"""A client that does random things and writes down what it did and saw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from lumina_protocol.conversations import ConversationReply, SyncPage
from lumina_protocol.frame import Reply, Request
from lumina_protocol.invites import InviteCreated
from lumina_protocol.messages import MessageDeleted, MessageEdited, MessagePage, MessageSent

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
from tests.faults.social import Wall
from tests.faults.stream import Stream

HOUR_MS = 3_600_000
LATELY = 40
"""Of one's own messages, so many may still be edited or deleted; and of all that came, so many
answered, reacted to and so on."""


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
    links: dict[str, UUID] = field(default_factory=dict)
    """That lead to groups: those of all."""
    wall: Wall = field(default_factory=Wall)
    """That of all."""
    waiting: list[UUID] = field(default_factory=list)
    """Messages that it has scheduled."""
    mine: dict[UUID, Seen] = field(default_factory=dict)
    """The newest of one's own messages, as they were last seen."""
    heard: dict[UUID, Seen] = field(default_factory=dict)
    """The newest messages of others and one's own that are there."""
    seqs: dict[UUID, int] = field(default_factory=dict)
    """The highest seq of each conversation that it has heard of."""
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
            self.seqs.pop(entry.conversation, None)
            for message in [m for m in self.heard.values() if m.conversation == entry.conversation]:
                del self.heard[message.message]
        elif isinstance(entry, Interrupted):
            self.interruptions += 1

    def _know(self, message: Seen) -> None:
        conversation = message.conversation
        self.newest[conversation] = max(message.rev, self.newest.get(conversation, 0))
        self.seqs[conversation] = max(message.seq, self.seqs.get(conversation, 0))
        if not message.is_note:
            _keep(self.heard, message)
            if message.sender == self.log.user:
                _keep(self.mine, message)

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

    async def ask(self, op: str, request: Request[Any], talk: UUID | None = None) -> Reply | str:
        """The answer, or why there is none. `talk`: where the request does not say it."""
        self.asked += 1
        number, asked_at = self.asked, time.monotonic()
        talk = talk or request.conversation_id  # type: ignore[attr-defined]
        self.log.entries.append(self._asked(asked_at, number, op, request, talk))
        answer: Reply | str = await self.stream.ask(request)
        if isinstance(answer, str):
            self.write(Answered(time.monotonic(), number, answer))
        else:
            self._answered(number, talk, answer, asked_at)
        return answer

    def _answered(self, number: int, talk: UUID, answer: Reply, asked_at: float) -> None:
        now = time.monotonic()
        seq, rev = _place(answer)
        self.write(Answered(now, number, "ok", seq, rev))
        match answer:
            case MessageSent() | MessageEdited() | MessageDeleted():
                self.newest[talk] = max(answer.rev, self.newest.get(talk, 0))
            case ConversationReply():
                self.groups.append(talk)
            case InviteCreated():
                self.links[answer.code] = talk
            case MessagePage():
                messages = [seen(message) for message in answer.messages]
                self.write(Read(now, talk, messages, asked_at=asked_at))
            case SyncPage():
                messages, upto = [seen(message) for message in answer.messages], answer.to_rev
                page = Page(now, "asked", talk, answer.from_rev, upto, messages, asked_at=asked_at)
                self.write(page)

    def _asked(self, at: float, number: int, op: str, request: Request[Any], talk: UUID) -> Asked:
        said = request.model_dump()
        whom = said.get("user_id")
        if names := said.get("usernames"):
            whom = self.people[names[0]]
        if op == "open group":
            said["op_id"], whom = talk, None
        return Asked(
            at,
            number,
            op,
            talk,
            said.get("message_id"),
            said.get("op_id"),
            said.get("base_rev"),
            said.get("content") or said.get("reaction") or "",
            self.log.user if op == "join" else whom,
        )


def _place(answer: Reply) -> tuple[int, int]:
    """Where the change is that was asked for; (0, 0) when nothing had to change."""
    if isinstance(answer, ConversationReply):
        return 1, 1
    if getattr(answer, "changed", None) is False:
        return 0, 0
    seq = getattr(answer, "seq", None) or getattr(answer, "read_seq", None)
    return seq or 0, getattr(answer, "rev", None) or 0


def _keep(lately: dict[UUID, Seen], message: Seen) -> None:
    old = lately.get(message.message)
    if message.is_deleted:
        lately.pop(message.message, None)
    elif old is None or message.rev > old.rev:
        lately[message.message] = message
        if len(lately) > LATELY:
            del lately[next(iter(lately))]
