"""What becomes of a message after it was sent, whoever does it: taken away, numbered and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.messages import Message, MessageChanged

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

ONE = query("messages.one")
DELETE = query("messages.delete")
NUMBER_CHANGE = query("messages.number_change")


async def delete(tx: Tx, message: Message) -> Message:
    """For everybody, under the lock of its conversation. One that is deleted stays as it is."""
    if message.is_deleted:
        return message
    await tx.run(DELETE, conversation_id=message.conversation_id, seq=message.seq)
    return await announce(tx, message)


async def announce(tx: Tx, message: Message) -> Message:
    """Number what was done to a message, and tell the members what it is now."""
    conversation_id = message.conversation_id
    told = await tx.one(
        NUMBER_CHANGE, conversation_id=conversation_id, seq=message.seq, node_id=tx.node_id
    )
    row = await tx.one(ONE, conversation_id=conversation_id, message_id=message.message_id)
    changed = Message.model_validate(dict(row))
    place = conversation_id, changed.rev
    tx.emit(
        MessageChanged(message=changed), place=place, to=told["member_ids"], blind=told["blind_ids"]
    )
    return changed
