"""What actors do, each with its weight. A new operation is one row of OPERATIONS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from uuid import UUID

from lumina_protocol.conversations import SyncConversation
from lumina_protocol.members import AddMembers, CreateGroup, RemoveMember
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    MessageEdited,
    MessageSent,
    ReadHistory,
    SendMessage,
)

from tests.faults import newer, social
from tests.faults.actor import Actor
from tests.faults.log import Seen

GROUPS = 2
Operation = Callable[[Actor], Awaitable[None]]


async def send(actor: Actor) -> None:
    await actor.ask("send", _message(actor))


async def send_on_two_devices(actor: Actor) -> None:
    """The same id on two connections at once, to two nodes as a rule."""
    request = _message(actor)
    devices = [actor, actor.sibling] if actor.sibling else [actor]
    await asyncio.gather(*(device.ask("send", request) for device in devices))


async def edit(actor: Actor) -> None:
    if message := _own(actor):
        request = EditMessage(
            conversation_id=message.conversation,
            message_id=message.message,
            op_id=actor.new_id(),
            base_rev=message.rev,
            content=actor.says(),
        )
        await actor.ask("edit", request)


async def delete(actor: Actor) -> None:
    if message := _own(actor):
        which = {"conversation_id": message.conversation, "message_id": message.message}
        await actor.ask("delete", DeleteMessage(**which, op_id=actor.new_id()))


async def history(actor: Actor) -> None:
    talk = actor.random.choice(actor.conversations)
    limit = actor.random.choice((1, 10, 50))
    await actor.ask("history", ReadHistory(conversation_id=talk, limit=limit))


async def sync(actor: Actor) -> None:
    talk = actor.random.choice(actor.conversations)
    after = actor.random.randint(0, actor.stream.had(talk))
    await actor.ask("sync", SyncConversation(conversation_id=talk, after_rev=after, limit=50))


async def open_group(actor: Actor) -> None:
    """With some of the others; of these an actor has few."""
    others = _others(actor)
    some = actor.random.sample(others, actor.random.randint(1, len(others)))
    if len(actor.groups) < GROUPS:
        await open_group_with(actor, some)


async def open_group_with(actor: Actor, usernames: list[str]) -> UUID:
    group = actor.new_id()
    request = CreateGroup(conversation_id=group, title="group", usernames=usernames)
    await actor.ask("open group", request)
    return group


async def add(actor: Actor) -> None:
    if actor.groups:
        name = actor.random.choice(_others(actor))
        await add_member(actor, actor.random.choice(actor.groups), name)


async def remove(actor: Actor) -> None:
    if actor.groups:
        name = actor.random.choice(_others(actor))
        await remove_member(actor, actor.random.choice(actor.groups), actor.people[name])


async def leave(actor: Actor) -> None:
    """A direct conversation nobody leaves: that is refused."""
    if talks := [talk for talk in actor.conversations if talk not in actor.groups]:
        await remove_member(actor, actor.random.choice(talks), actor.log.user)


async def add_member(actor: Actor, group: UUID, name: str) -> None:
    request = AddMembers(conversation_id=group, usernames=[name], op_id=actor.new_id())
    await actor.ask("add", request)


async def remove_member(actor: Actor, group: UUID, whom: UUID) -> None:
    request = RemoveMember(conversation_id=group, user_id=whom, op_id=actor.new_id())
    await actor.ask("remove", request)


async def away_and_back(actor: Actor, group: UUID, name: str) -> None:
    """Somebody is sent away, and brought back; what was said meanwhile is edited before and
    afterwards."""
    await remove_member(actor, group, actor.people[name])
    request = SendMessage(conversation_id=group, message_id=actor.new_id(), content=actor.says())
    sent = await actor.ask("send", request)
    rev = sent.rev if isinstance(sent, MessageSent) else 0
    rev = await _edit(actor, request, rev)
    await add_member(actor, group, name)
    await _edit(actor, request, rev)


async def _edit(actor: Actor, sent: SendMessage, rev: int) -> int:
    """Returns the new rev."""
    which = {"conversation_id": sent.conversation_id, "message_id": sent.message_id}
    request = EditMessage(**which, op_id=actor.new_id(), base_rev=rev, content=actor.says())
    answer = await actor.ask("edit", request)
    return answer.rev if isinstance(answer, MessageEdited) else 0


OPERATIONS: dict[Operation, int] = {
    send: 40,
    send_on_two_devices: 5,
    edit: 15,
    delete: 5,
    history: 5,
    sync: 5,
    open_group: 2,
    add: 5,
    remove: 4,
    leave: 1,
    **newer.OPERATIONS,
}


HANDS: tuple[dict[Operation, int], ...] = (OPERATIONS, OPERATIONS, social.OPERATIONS)
"""Of each actor: what each of them does. A hand waits for its answer, and most of a fault."""


def draw(random: Random, hand: int) -> Operation:
    what = HANDS[hand]
    return random.choices(list(what), list(what.values()))[0]


def _message(actor: Actor) -> SendMessage:
    talk = actor.random.choice(actor.conversations)
    return SendMessage(conversation_id=talk, message_id=actor.new_id(), content=actor.says())


def _others(actor: Actor) -> list[str]:
    return [name for name, user in actor.people.items() if user != actor.log.user]


def _own(actor: Actor) -> Seen | None:
    return actor.random.choice(list(actor.mine.values())) if actor.mine else None
