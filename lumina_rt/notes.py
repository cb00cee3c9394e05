"""Notes: what happened in a conversation, as a message of its own, which has its place among the
others, live and after a resume."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.messages import Message, MessageCreated, Note

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

NAMES = 3
"""Of those whom a note is about; of more it tells the number."""

NOTE = query("messages.note")
NAME = query("accounts.name")


async def add(
    tx: Tx,
    conversation_id: UUID,
    sender_id: UUID,
    message_id: UUID,
    text: str,
    note: Note,
    digest: bytes,
) -> Row:
    """Under the lock of the conversation, after the change: its seq and rev. Told to who is a
    member now."""
    row = await tx.one(
        NOTE,
        conversation_id=conversation_id,
        message_id=message_id,
        sender_id=sender_id,
        content=text,
        note=note.model_dump(mode="json", exclude_none=True),
        digest=digest,
        node_id=tx.node_id,
    )
    message = Message(
        conversation_id=conversation_id,
        message_id=message_id,
        seq=row["seq"],
        rev=row["rev"],
        sender_id=sender_id,
        message_type="system",
        content=text,
        note=note,
        created_at=row["created_at"],
    )
    place = conversation_id, message.rev
    tx.emit(MessageCreated(message=message), place=place, to=row["member_ids"])
    return row


async def name(tx: Tx, user_id: UUID) -> str:
    row = await tx.maybe(NAME, user_id=user_id)
    return row["username"] if row else "somebody"


def listed(names: Iterable[str]) -> str:
    names = list(names)
    if len(names) > NAMES:
        return f"{len(names)} people"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
