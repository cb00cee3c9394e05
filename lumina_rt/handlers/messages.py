"""Messages: send one, and everybody in the conversation gets it; read what was said."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lumina_protocol.errors import Conflict, NotFound
from lumina_protocol.messages import (
    Message,
    MessageCreated,
    MessagePage,
    MessageSent,
    ReadHistory,
    SendMessage,
)

from lumina_rt import access
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK = query("messages.lock_conversation")
SEND = query("messages.send")
NEWEST = query("messages.newest")
BEFORE = query("messages.before")
AFTER = query("messages.after")

PAGE_BYTES = 140_000
"""Of content in one page, so that a reply stays below a megabyte also in JSON with escapes."""


@handles(SendMessage)
async def send(ctx: Ctx, request: SendMessage) -> MessageSent:
    digest = content_digest(ctx.services.hash_key, request)
    # In turns, so that this node announces messages in the order of their seq: Postgres hands the
    # row lock on before it answers the first commit, so that the second may be heard of earlier.
    async with ctx.services.turns.of(request.conversation_id), ctx.db.tx() as tx:
        await tx.run(LOCK, conversation_id=request.conversation_id)
        row = await tx.one(
            SEND,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            sender_id=ctx.user_id,
            content=request.content,
            content_digest=digest,
        )
        match row["status"]:
            case "stranger":
                raise NotFound(
                    "There is no such conversation, or not for you.", field="conversation_id"
                )
            case "conflict":
                raise Conflict(field="message_id")
        sent = MessageSent(
            message_id=request.message_id,
            seq=row["seq"],
            rev=row["rev"],
            created_at=row["created_at"],
        )
        if row["status"] == "sent":
            message = Message(
                conversation_id=request.conversation_id,
                sender_id=ctx.user_id,
                message_type="text",
                content=request.content,
                **sent.model_dump(),
            )
            tx.emit(MessageCreated(message=message), to=row["member_ids"])
    return sent


@handles(ReadHistory)
async def history(ctx: Ctx, request: ReadHistory) -> MessagePage:
    where = {"conversation_id": request.conversation_id, "limit": request.limit}
    async with ctx.db.read() as tx:
        conversation = await access.member(
            tx, user_id=ctx.user_id, conversation_id=request.conversation_id
        )
        if request.after_seq is not None:
            rows = fitting(await tx.all(AFTER, after_seq=request.after_seq, **where))
        elif request.before_seq is not None:
            rows = fitting(await tx.all(BEFORE, before_seq=request.before_seq, **where))[::-1]
        else:
            rows = fitting(await tx.all(NEWEST, **where))[::-1]
    newest = max(conversation["last_seq"], rows[-1]["seq"] if rows else 0)
    return MessagePage(
        messages=[Message.model_validate(dict(row)) for row in rows], last_seq=newest
    )


def fitting(rows: list[Row]) -> list[Row]:
    """As many of the first rows as fit into one reply, and at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row["content"].encode())
        if size > PAGE_BYTES:
            return rows[: max(count, 1)]
    return rows


def content_digest(key: bytes, request: SendMessage) -> bytes:
    """Keyed BLAKE2b (RFC 7693) of what the sender asked for, 16 bytes."""
    return hashlib.blake2b(request.content.encode(), key=key, digest_size=16).digest()
