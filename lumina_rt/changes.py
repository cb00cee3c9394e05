"""What becomes of a message after it was sent, whoever does it: taken away, numbered and told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.messages import Message, MessageChanged

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

ONE = query("messages.one")
DELETE = query("messages.delete")
NUMBER_CHANGE = query("messages.number_change")
NUMBER_CHANGES = query("messages.number_changes")
STATES = query("messages.states")
LOCK = query("conversations.lock")
WAITS_FOR_READING = query("messages.waits_for_reading")
START_EXPIRY = query("messages.start_expiry")

BATCH = 100
"""Messages that are changed together at most."""


async def delete(tx: Tx, message: Message) -> Message:
    """For everybody, under the lock of its conversation. One that is deleted stays as it is."""
    if message.is_deleted:
        return message
    await tx.run(DELETE, conversation_id=message.conversation_id, seqs=[message.seq])
    return await announce(tx, message)


async def wipe(tx: Tx, conversation_id: UUID, seqs: Sequence[int]) -> None:
    """The same for several, which have expired."""
    await tx.run(DELETE, conversation_id=conversation_id, seqs=seqs)
    await announce_all(tx, conversation_id, seqs)


async def waits_for_reading(tx: Tx, *, conversation_id: UUID, upto_seq: int, user_id: UUID) -> bool:
    """Whether `start_expiry` has something to do, most likely: by an index, and without a lock."""
    read = {"conversation_id": conversation_id, "upto_seq": upto_seq, "user_id": user_id}
    return await tx.maybe(WAITS_FOR_READING, **read) is not None


async def start_expiry(tx: Tx, *, conversation_id: UUID, upto_seq: int, user_id: UUID) -> bool:
    """A user has read up to here: what others have sent to expire some time after its first
    reading, gets its moment, and the members are told. Takes the conversation's lock, so before
    any lock of a user, and only a batch at once. Returns whether there may be more."""
    read = {"conversation_id": conversation_id, "upto_seq": upto_seq, "user_id": user_id}
    await tx.run(LOCK, conversation_id=conversation_id)
    rows = await tx.all(START_EXPIRY, batch=BATCH, **read)
    if rows:
        await announce_all(tx, conversation_id, [row["seq"] for row in rows])
    return len(rows) == BATCH


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


async def announce_all(tx: Tx, conversation_id: UUID, seqs: Sequence[int]) -> None:
    """`announce` for several messages of one conversation."""
    which = {"conversation_id": conversation_id, "seqs": list(seqs)}
    told = await tx.all(NUMBER_CHANGES, node_id=tx.node_id, **which)
    states = await tx.all(STATES, **which)
    for to, row in zip(told, states, strict=True):
        changed = Message.model_validate(dict(row))
        place = conversation_id, changed.rev
        event = MessageChanged(message=changed)
        tx.emit(event, place=place, to=to["member_ids"], blind=to["blind_ids"])
