"""What comes over the wire to one device, and how far it is by it, as the SDK sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal
from uuid import UUID

from lumina_protocol.conversations import (
    ConversationReset,
    ConversationSynced,
    ConversationVoid,
    SyncPage,
)
from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.messages import Message, MessageChanged, MessageCreated
from lumina_protocol.session import Resume

from lumina_rt.client.order import Order
from lumina_rt.client.order import Told as Had
from tests.faults.log import Begun, Dropped, Page, Resuming, Seen, Told, Wire


class Recorded(Order):
    """Writes down all that comes in, and what the device makes of it."""

    def __init__(self, write: Callable[[Wire], None]) -> None:
        super().__init__()
        self._write = write

    def resume(self) -> Resume:
        asked = super().resume()
        self._write(Resuming(time.monotonic(), asked.epoch, list(asked.cursors)))
        return asked

    def begin(self, conversation_id: UUID, rev: int, seq: int) -> None:
        self._begins(conversation_id, rev)
        super().begin(conversation_id, rev, seq)

    def forget(self, conversation_id: UUID) -> None:
        if conversation_id in self.conversations:
            self._write(Dropped(time.monotonic(), conversation_id))
        super().forget(conversation_id)

    def take(self, event: Event | EventFrame) -> Sequence[Event | EventFrame]:
        match event:
            case MessageCreated(message=message) | MessageChanged(message=message):
                return self._told(event, message.conversation_id, message.rev)
            case ConversationVoid(conversation_id=conversation_id, rev=rev):
                return self._told(event, conversation_id, rev)
            case ConversationReset(conversation_id=conversation_id, last_rev=rev):
                self._write(Begun(time.monotonic(), conversation_id, rev))
        return super().take(event)

    def page(self, conversation_id: UUID, page: SyncPage) -> list[Event]:
        now, messages = time.monotonic(), [seen(message) for message in page.messages]
        is_known = conversation_id in self.conversations
        before = self.rev(conversation_id) if is_known else page.from_rev
        try:
            return super().page(conversation_id, page)
        finally:
            taken = self.conversations.get(conversation_id, Had(before)).rev != before
            if taken and not is_known:
                self._write(Begun(now, conversation_id, before))
            after, upto = page.from_rev, page.to_rev
            self._write(Page(now, _why(page), conversation_id, after, upto, messages, taken))

    def _told(
        self, event: MessageCreated | MessageChanged | ConversationVoid, talk: UUID, rev: int
    ) -> Sequence[Event | EventFrame]:
        now = time.monotonic()
        is_known = talk in self.conversations
        before = self.rev(talk) if is_known else rev - 1
        try:
            return super().take(event)
        finally:
            taken = self.conversations.get(talk, Had(before)).rev != before
            if taken and not is_known:
                self._write(Begun(now, talk, before))
            match event:
                case MessageCreated():
                    self._write(Told(now, "created", seen(event.message), taken))
                case MessageChanged():
                    self._write(Told(now, "changed", seen(event.message), taken))
                case _:
                    self._write(Page(now, "told", talk, rev - 1, rev, [], taken))

    def _begins(self, conversation_id: UUID, rev: int) -> None:
        if conversation_id not in self.conversations:
            self._write(Begun(time.monotonic(), conversation_id, rev))


def _why(page: SyncPage) -> Literal["told", "limited", "mended"]:
    if not isinstance(page, ConversationSynced):
        return "mended"
    return "limited" if page.limited else "told"


def seen(message: Message) -> Seen:
    moods = [(each.reaction, user) for each in message.reactions or () for user in each.user_ids]
    return Seen(
        message.conversation_id,
        message.message_id,
        message.seq,
        message.rev,
        message.sender_id,
        message.content,
        is_deleted=message.is_deleted,
        is_note=message.message_type == "system",
        moods=tuple(sorted(moods)),
        is_pinned=message.pinned_at is not None,
        reply_to=message.reply_to.message_id if message.reply_to else None,
        quoted=message.reply_to.excerpt if message.reply_to else "",
        mentions=tuple(message.mentions or ()),
        expires_at=message.expires_at,
    )
