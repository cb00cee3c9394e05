"""What is a user's own: as lists tell it, and as events change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from lumina_protocol.conversations import (
    Conversation,
    ConversationCreated,
    ConversationJoined,
    ConversationLeft,
    ListConversations,
)
from lumina_protocol.drafts import DraftChanged, ListDrafts
from lumina_protocol.frame import PersonalEvent, Reply
from lumina_protocol.hides import MessagesHidden
from lumina_protocol.preferences import PreferencesChanged
from lumina_protocol.receipts import ReadTo
from lumina_protocol.scheduled import ListScheduled, ScheduledChanged, ScheduledMessage

from tests.faults.log import Mine, Owned, Waiting

PAGE = 40
Ask = Callable[[Any], Awaitable[Reply | str]]
"""Returns why there is no answer, where there is none."""


async def conversations(ask: Ask) -> list[Conversation] | str:
    found: dict[UUID, Conversation] = {}
    before = None
    while True:
        page: Any = await ask(ListConversations(before=before, limit=PAGE))
        if isinstance(page, str):
            return page
        found |= {each.conversation_id: each for each in page.conversations}
        if not page.more:
            return list(found.values())
        last = page.conversations[-1]
        before = last.updated_at, last.conversation_id


async def mine(ask: Ask) -> Mine | str:
    found: Any = await conversations(ask)
    drafts: Any = await ask(ListDrafts(limit=100))
    scheduled: Any = await ask(ListScheduled())
    for answer in (found, drafts, scheduled):
        if isinstance(answer, str):
            return answer
    assert not drafts.more
    assert not scheduled.more
    return Mine(
        read={each.conversation_id: each.read_seq for each in found},
        marked={each.conversation_id for each in found if each.preferences.marked_unread},
        drafts={each.conversation_id: each.content for each in drafts.drafts},
        waiting={each.message_id: waiting(each) for each in scheduled.messages},
    )


def waiting(message: ScheduledMessage) -> Waiting:
    return Waiting(message.conversation_id, message.content, message.send_at, message.error)


def owned(at: float, event: PersonalEvent) -> list[Owned]:
    """What an event says, in the order in which it is taken."""
    match event:
        case ConversationCreated(conversation=new) | ConversationJoined(conversation=new):
            return [Owned(at, "begun", new.conversation_id, new.read_seq)]
        case ConversationLeft():
            return [Owned(at, "left", event.conversation_id)]
        case ReadTo():
            return [Owned(at, "read", event.conversation_id, event.read_seq)]
        case MessagesHidden():
            seqs = tuple(each.seq for each in event.hidden)
            return [Owned(at, "hidden", event.conversation_id, seqs)]
    return _changed(at, event)


def _changed(at: float, event: PersonalEvent) -> list[Owned]:
    match event:
        case PreferencesChanged():
            marked = event.preferences.marked_unread
            return [Owned(at, "marked", event.conversation_id, marked)]
        case DraftChanged(draft=draft):
            content = draft.content if draft else None
            return [Owned(at, "draft", event.conversation_id, content)]
        case ScheduledChanged(scheduled=left):
            value = waiting(left) if left else None
            return [Owned(at, "waiting", event.conversation_id, value, event.message_id)]
    return []


def take(mine: Mine, entry: Owned) -> None:
    """By the rules of the protocol."""
    talk, value = entry.conversation, entry.value
    match entry.what:
        case "begun" | "read":
            assert isinstance(value, int)
            mine.read[talk] = value
            mine.marked.discard(talk)
        case "left":
            mine.read.pop(talk, None)
            mine.marked.discard(talk)
            mine.drafts.pop(talk, None)
        case "marked" if value:
            mine.marked.add(talk)
        case "marked":
            mine.marked.discard(talk)
        case "draft" if isinstance(value, str):
            mine.drafts[talk] = value
        case "draft":
            mine.drafts.pop(talk, None)
        case "waiting":
            assert entry.message
            mine.waiting.pop(entry.message, None)
            if isinstance(value, Waiting):
                mine.waiting[entry.message] = value
