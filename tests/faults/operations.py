"""What actors do, each with its weight. A new operation is one row of OPERATIONS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from lumina_protocol.conversations import SyncConversation
from lumina_protocol.messages import DeleteMessage, EditMessage, ReadHistory, SendMessage

from tests.faults.actor import Actor
from tests.faults.log import Seen

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


OPERATIONS: dict[Operation, int] = {
    send: 50,
    send_on_two_devices: 5,
    edit: 15,
    delete: 5,
    history: 5,
    sync: 5,
}


def draw(random: Random) -> Operation:
    return random.choices(list(OPERATIONS), list(OPERATIONS.values()))[0]


def _message(actor: Actor) -> SendMessage:
    talk = actor.random.choice(actor.conversations)
    return SendMessage(conversation_id=talk, message_id=actor.new_id(), content=actor.says())


def _own(actor: Actor) -> Seen | None:
    return actor.random.choice(list(actor.mine.values())) if actor.mine else None
