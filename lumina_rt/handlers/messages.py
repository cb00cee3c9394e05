"""Messages: send one, and everybody in the conversation gets it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Conflict, LuminaError, NotFound
from lumina_protocol.messages import Message, MessageCreated, MessageSent, SendMessage

from lumina_rt import access
from lumina_rt.router import Ctx, handles
from lumina_rt.store.group_commit import grouped
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

SEND = query("messages.send")


@dataclass(frozen=True, slots=True)
class Sending:
    """A message on its way to be committed."""

    sender_id: UUID
    request: SendMessage
    digest: bytes

    def conversation_id(self) -> UUID:
        return self.request.conversation_id


@handles(SendMessage, together=True)
async def send(ctx: Ctx, request: SendMessage) -> MessageSent:
    # No await before it is in line: what a connection sends first is committed first.
    digest = content_digest(ctx.services.hash_key, request)
    return await ctx.services.writers.submit(commit, Sending(ctx.user_id, request, digest))


@grouped(key=Sending.conversation_id)
async def commit(tx: Tx, items: Sequence[Sending]) -> list[MessageSent | LuminaError]:
    rows = await tx.all(
        SEND,
        conversation_ids=[item.request.conversation_id for item in items],
        message_ids=[item.request.message_id for item in items],
        sender_ids=[item.sender_id for item in items],
        contents=[item.request.content for item in items],
        digests=[item.digest for item in items],
        node_id=tx.node_id,
    )
    members: dict[UUID, list[UUID]] = {}
    return [_result(tx, item, row, members) for item, row in zip(items, rows, strict=True)]


def _result(
    tx: Tx, item: Sending, row: Row, members: dict[UUID, list[UUID]]
) -> MessageSent | LuminaError:
    """`members` of each conversation come with its first new message."""
    request = item.request
    match row["status"]:
        case "stranger":
            return NotFound(
                "There is no such conversation, or not for you.", field="conversation_id"
            )
        case "blocked" | "not_accepted":
            return access.closed(row["status"])
        case "conflict":
            return Conflict(field="message_id")
    kept = {name: row[name] for name in ("seq", "rev", "created_at")}
    if row["status"] == "sent":
        message = Message(
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            sender_id=item.sender_id,
            message_type="text",
            content=request.content,
            **kept,
        )
        to = row["member_ids"] or members[request.conversation_id]
        members[request.conversation_id] = to
        place = request.conversation_id, message.rev
        tx.emit(MessageCreated(message=message), to=to, place=place)
    return MessageSent(message_id=request.message_id, **kept)


def content_digest(key: bytes, request: SendMessage) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of what the sender asked for, 16 bytes."""
    return hashlib.blake2b(request.content.encode(), key=key, digest_size=16).digest()
