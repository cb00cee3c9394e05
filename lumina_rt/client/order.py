"""An unbroken sequence out of what arrives: each thing once, in order, and holes noticed.

As protocol/README.md says under "An unbroken conversation": what is had of a conversation is told
by one rev. No socket, no await: the client asks for what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.conversations import (
    ConversationCreated,
    ConversationGone,
    ConversationJoined,
    ConversationLeft,
    ConversationReset,
    ConversationSynced,
    ConversationVoid,
    SyncPage,
)
from lumina_protocol.frame import Event, EventFrame, PersonalEvent
from lumina_protocol.messages import Message, MessageChanged, MessageCreated
from lumina_protocol.session import MAX_CURSORS, Resume, Resumed


class Hole(Exception):
    """What comes next of this conversation, or of the user's own stream, has not come."""

    def __init__(self, conversation_id: UUID | None, rev: int) -> None:
        super().__init__(f"of {conversation_id or 'the own stream'} rev {rev} has come too early")
        self.conversation_id = conversation_id
        self.rev = rev


@dataclass(slots=True)
class Told:
    """What a user has had of one conversation."""

    rev: int
    next_seq: int | None = None
    """Of the next new message; None while that is not known."""
    early: dict[int, Message] = field(default_factory=dict)
    """New messages of a page behind one that comes with a later page, since it was changed."""

    def message(self, message: Message) -> Iterator[Event]:
        """A message that is newer than what was had of it."""
        if self.next_seq is None:
            self.next_seq = message.seq
        if message.seq < self.next_seq:
            yield MessageChanged(message=message)
            return
        self.early[message.seq] = message
        yield from self._release()

    def whole(self) -> Iterator[Event]:
        """Nothing is behind: what is between the new messages is not for this user."""
        for seq in sorted(self.early):
            self.next_seq = seq
            yield from self._release()

    def _release(self) -> Iterator[Event]:
        while self.next_seq in self.early:
            yield MessageCreated(message=self.early.pop(self.next_seq))
            self.next_seq += 1


@dataclass(slots=True)
class Order:
    """Of one user."""

    epoch: int | None = None
    user_rev: int | None = None
    conversations: dict[UUID, Told] = field(default_factory=dict)
    """Those that moved last are last."""
    left: dict[UUID, int] = field(default_factory=dict)
    """Up to which rev what comes of a conversation is of before the user left it."""

    def resume(self) -> Resume:
        """What to ask for after a reconnect."""
        newest = list(self.conversations.items())[: -MAX_CURSORS - 1 : -1]
        cursors = [(conversation_id, told.rev) for conversation_id, told in newest]
        return Resume(epoch=self.epoch, user_rev=self.user_rev, cursors=cursors)

    def resumed(self, answer: Resumed, known: Mapping[UUID, Told]) -> list[Event]:
        """What the app must know besides the events; `known` was had before they came. Where the
        own stream is, `settled` takes over when all of them are taken."""
        told: list[Event] = []
        if self.epoch not in (None, answer.epoch):  # of another history, unless told anew
            self.left.clear()
            for conversation_id, had in known.items():
                if self.conversations.get(conversation_id) is had:
                    self.forget(conversation_id)
        for conversation_id, rev, seq in reversed(answer.cursors):
            if conversation_id not in self.conversations:
                self.begin(conversation_id, rev, seq)
                if self.epoch is not None:
                    told.append(ConversationReset(conversation_id=conversation_id, last_rev=rev))
        return told

    def settled(self, answer: Resumed) -> None:
        """All that came with a resume has been taken. More may have come already."""
        same = self.epoch in (None, answer.epoch) and not answer.reset
        self.user_rev = max(answer.user_rev, (self.user_rev or 0) if same else 0)
        self.epoch = answer.epoch

    def behind(self, answer: Resumed) -> list[UUID]:
        """The conversations of which not all was told."""
        short = [c for c, rev, _ in answer.cursors if c in self.conversations and self.rev(c) < rev]
        return [*short, *(c for c in answer.stale if c in self.conversations)]

    def begin(self, conversation_id: UUID, rev: int, seq: int) -> None:
        """What comes after this rev, and the messages after this seq, are new."""
        self.left.pop(conversation_id, None)
        self.conversations.setdefault(conversation_id, Told(rev, seq + 1))

    def rev(self, conversation_id: UUID) -> int:
        told = self.conversations.get(conversation_id)
        return told.rev if told else 0

    def forget(self, conversation_id: UUID) -> None:
        self.conversations.pop(conversation_id, None)

    def take(self, event: Event | EventFrame) -> Sequence[Event | EventFrame]:
        """What the app gets of an event. Raises Hole."""
        match event:
            case MessageCreated() | MessageChanged() | ConversationVoid():
                return self._change(event)
            case ConversationSynced():
                return self.page(event.conversation_id, event)
            case PersonalEvent():
                return self._personal(event)
            case EventFrame():
                return self._unknown(event)
            case ConversationReset():
                self.conversations[event.conversation_id] = Told(event.last_rev)
            case ConversationGone():
                self.forget(event.conversation_id)
        return (event,)

    def page(self, conversation_id: UUID, page: SyncPage) -> list[Event]:
        """Raises Hole when it begins behind what was had, or does not tell all."""
        if page.to_rev <= self.left.get(conversation_id, 0):
            return []
        told = self.conversations.setdefault(conversation_id, Told(page.from_rev))
        if page.to_rev <= told.rev:
            return []
        if page.from_rev > told.rev or (isinstance(page, ConversationSynced) and page.limited):
            raise Hole(conversation_id, page.to_rev)
        newer = [message for message in page.messages if message.rev > told.rev]
        self._moved(conversation_id, told, page.to_rev)
        if told.next_seq is None and newer:  # of which the first by rev may be an edited one
            told.next_seq = min(message.seq for message in newer)
        news = [event for message in newer for event in told.message(message)]
        if page.to_rev >= page.last_rev:
            news += told.whole()
        return news

    def _change(self, event: MessageCreated | MessageChanged | ConversationVoid) -> Sequence[Event]:
        if isinstance(event, ConversationVoid):
            self._step(event.conversation_id, event.rev)
            return ()
        told = self._step(event.message.conversation_id, event.message.rev)
        if told is None or isinstance(event, MessageChanged):
            return [event] if told else ()
        return [*told.message(event.message), *told.whole()]

    def _step(self, conversation_id: UUID, rev: int) -> Told | None:
        """The conversation, if this is its next rev; None when it was had. Raises Hole."""
        if rev <= self.left.get(conversation_id, 0):
            return None
        told = self.conversations.setdefault(conversation_id, Told(rev - 1))
        if rev <= told.rev:
            return None
        if rev > told.rev + 1:
            raise Hole(conversation_id, rev)
        self._moved(conversation_id, told, rev)
        return told

    def _moved(self, conversation_id: UUID, told: Told, rev: int) -> None:
        told.rev = rev
        self.conversations[conversation_id] = self.conversations.pop(conversation_id)

    def _personal(self, event: PersonalEvent) -> Sequence[Event]:
        if not self._step_own(event.user_rev):
            return ()
        match event:
            case ConversationCreated(conversation=new) | ConversationJoined(conversation=new):
                self.begin(new.conversation_id, new.last_rev, new.last_seq)
            case ConversationLeft():
                if self.rev(event.conversation_id) <= event.rev:  # not back again already
                    self.forget(event.conversation_id)
                    self.left[event.conversation_id] = event.rev
        return (event,)

    def _step_own(self, rev: int) -> bool:
        if self.user_rev is not None and rev <= self.user_rev:
            return False
        if self.user_rev is not None and rev > self.user_rev + 1:
            raise Hole(None, rev)
        self.user_rev = rev
        return True

    def _unknown(self, frame: EventFrame) -> Sequence[EventFrame]:
        """An event that this SDK does not know has its place all the same."""
        match frame.body:
            case {"user_rev": int(rev)}:
                return (frame,) if self._step_own(rev) else ()
            case {"conversation_id": UUID() as conversation_id, "rev": int(rev)}:
                return (frame,) if self._step(conversation_id, rev) else ()
        return (frame,)
