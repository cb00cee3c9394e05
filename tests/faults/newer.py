"""What actors do besides sending, editing and deleting, each with its weight."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, get_args
from uuid import UUID

from lumina_protocol.drafts import SetDraft
from lumina_protocol.groups import ChangeConversation, Role, SetRole
from lumina_protocol.hides import HideMessages
from lumina_protocol.invites import CreateInvite, JoinConversation
from lumina_protocol.message_reactions import Mood, React
from lumina_protocol.messages import SendMessage
from lumina_protocol.pins import PinMessage, UnpinMessage
from lumina_protocol.preferences import MarkUnread
from lumina_protocol.receipts import ReadConversation
from lumina_protocol.scheduled import MessageScheduled, ScheduleMessage, UnscheduleMessage

from tests.faults.actor import Actor
from tests.faults.log import Seen

MOODS = get_args(Mood)
SOON_MS = (300, 1500)
"""From now until a message is to be sent, or ends."""


async def answer(actor: Actor) -> None:
    """And name who is answered."""
    if message := _heard(actor):
        said = _said(actor, message.conversation)
        request = SendMessage(**said, reply_to=message.message, mentions=[message.sender])
        await actor.ask("send", request)


async def send_for_a_while(actor: Actor) -> None:
    """Until a moment, or until some time after it is read."""
    said = _said(actor, actor.random.choice(actor.conversations))
    request = SendMessage(**said, expires_at=_soon(actor))
    if actor.random.random() < 0.5:
        request = SendMessage(**said, expires_after_s=1)
    await actor.ask("send", request)


async def react(actor: Actor) -> None:
    if message := _heard(actor):
        mood = actor.random.choice((*MOODS, None))
        await actor.ask("react", React(**_change_of(actor, message), reaction=mood))


async def pin(actor: Actor) -> None:
    if message := _heard(actor):
        await actor.ask("pin", PinMessage(**_change_of(actor, message)))


async def unpin(actor: Actor) -> None:
    pinned = [message for message in actor.heard.values() if message.is_pinned]
    if pinned:
        message = actor.random.choice(pinned)
        await actor.ask("unpin", UnpinMessage(**_change_of(actor, message)))


async def hide(actor: Actor) -> None:
    if message := _heard(actor):
        talk, op_id = message.conversation, actor.new_id()
        request = HideMessages(conversation_id=talk, message_ids=[message.message], op_id=op_id)
        await actor.ask("hide", request)


async def read(actor: Actor) -> None:
    """All of it, or a part."""
    if known := [talk for talk in actor.conversations if talk in actor.seqs]:
        talk = actor.random.choice(known)
        newest = actor.seqs[talk]
        seq = actor.random.choice((newest, newest, actor.random.randint(1, newest)))
        await actor.ask("read", ReadConversation(conversation_id=talk, seq=seq))


async def mark_unread(actor: Actor) -> None:
    talk = actor.random.choice(actor.conversations)
    await actor.ask("mark unread", MarkUnread(conversation_id=talk, op_id=actor.new_id()))


async def write_draft(actor: Actor) -> None:
    talk = actor.random.choice(actor.conversations)
    content = actor.random.choice(("", actor.says(), actor.says()))
    request = SetDraft(conversation_id=talk, content=content, op_id=actor.new_id())
    await actor.ask("draft", request)


async def schedule(actor: Actor) -> None:
    said = _said(actor, actor.random.choice(actor.conversations))
    request = ScheduleMessage(**said, send_at=_soon(actor))
    if isinstance(await actor.ask("schedule", request), MessageScheduled):
        actor.waiting.append(request.message_id)


async def unschedule(actor: Actor) -> None:
    """It may be too late."""
    if actor.waiting:
        message = actor.waiting.pop()
        request = UnscheduleMessage(message_id=message, op_id=actor.new_id())
        await actor.ask("unschedule", request, actor.conversations[0])


async def name_group(actor: Actor) -> None:
    if actor.groups:
        group, title = actor.random.choice(actor.groups), actor.says()[:100]
        request = ChangeConversation(conversation_id=group, op_id=actor.new_id(), title=title)
        await actor.ask("title", request)


async def set_role(actor: Actor) -> None:
    if actor.groups:
        others = [user for user in actor.people.values() if user != actor.log.user]
        roles: tuple[Role, ...] = ("admin", "member")
        request = SetRole(
            conversation_id=actor.random.choice(actor.groups),
            user_id=actor.random.choice(others),
            role=actor.random.choice(roles),
            op_id=actor.new_id(),
        )
        await actor.ask("role", request)


async def make_link(actor: Actor) -> None:
    if actor.groups:
        group = actor.random.choice(actor.groups)
        request = CreateInvite(invite_id=actor.new_id(), conversation_id=group, max_uses=3)
        await actor.ask("link", request)


async def join(actor: Actor) -> None:
    links = [code for code, group in actor.links.items() if group not in actor.conversations]
    if links:
        code = actor.random.choice(links)
        request = JoinConversation(code=code, op_id=actor.new_id())
        await actor.ask("join", request, actor.links[code])


OPERATIONS: dict[Callable[[Actor], Awaitable[None]], int] = {
    answer: 5,
    send_for_a_while: 5,
    react: 10,
    pin: 3,
    unpin: 1,
    hide: 2,
    read: 10,
    mark_unread: 2,
    write_draft: 5,
    schedule: 4,
    unschedule: 2,
    name_group: 1,
    set_role: 1,
    make_link: 1,
    join: 3,
}


def _said(actor: Actor, talk: UUID) -> dict[str, Any]:
    return {"conversation_id": talk, "message_id": actor.new_id(), "content": actor.says()}


def _change_of(actor: Actor, message: Seen) -> dict[str, Any]:
    which = {"conversation_id": message.conversation, "message_id": message.message}
    return {**which, "op_id": actor.new_id()}


def _heard(actor: Actor) -> Seen | None:
    return actor.random.choice(list(actor.heard.values())) if actor.heard else None


def _soon(actor: Actor) -> int:
    """By the right clock, in ms since 1970."""
    return time.time_ns() // 1_000_000 + actor.random.randint(*SOON_MS)
