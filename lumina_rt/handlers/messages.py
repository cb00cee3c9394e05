"""Messages: send one, and everybody in the conversation gets it; read what was said and changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.conversations import SyncConversation, SyncPage
from lumina_protocol.errors import Blocked, Conflict, LuminaError, NotFound
from lumina_protocol.messages import (
    Message,
    MessageChanged,
    MessageCreated,
    MessagePage,
    MessageSent,
    ReadHistory,
    SendMessage,
)

from lumina_rt import access
from lumina_rt.router import Ctx, handles
from lumina_rt.store.group_commit import grouped
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

SEND = query("messages.send")
NEWEST = query("messages.newest")
BEFORE = query("messages.before")
AFTER = query("messages.after")
BETWEEN = query("messages.between")
SYNC = query("messages.sync")

PAGE_BYTES = 140_000
"""Of content in one page, so that a reply stays below a megabyte also in JSON with escapes."""


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
        case "blocked":
            return Blocked()
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


async def tell_again(tx: Tx, ranges: Mapping[UUID, tuple[int, int]], limit: int) -> None:
    """Emit what happened in conversations above a rev, up to and with another one: in order of rev
    for each, at most `limit` of each."""
    rows = await tx.all(
        BETWEEN,
        conversation_ids=list(ranges),
        after_revs=[after for after, _ in ranges.values()],
        to_revs=[upto for _, upto in ranges.values()],
        limit=limit,
    )
    for row in rows:
        fields = {name: row[name] for name in Message.model_fields}
        message = Message.model_validate(fields)
        place = message.conversation_id, row["place_rev"]
        event = (
            MessageCreated(message=message) if row["is_new"] else MessageChanged(message=message)
        )
        tx.emit(event, to=row["member_ids"], place=place)


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


@handles(SyncConversation)
async def sync(ctx: Ctx, request: SyncConversation) -> SyncPage:
    where = {"conversation_id": request.conversation_id, "after_rev": request.after_rev}
    async with ctx.db.read() as tx:
        conversation = await access.member(
            tx, user_id=ctx.user_id, conversation_id=request.conversation_id
        )
        found = await tx.all(SYNC, limit=request.limit, **where)
    rows = fitting(found)
    # More may have been committed since the counters were read: then the rows reach further.
    newest = max(conversation["last_rev"], found[-1]["rev"] if found else 0)
    whole = len(rows) == len(found) < request.limit
    return SyncPage(
        messages=[Message.model_validate(dict(row)) for row in rows],
        from_rev=request.after_rev,
        to_rev=max(newest, request.after_rev) if whole else rows[-1]["rev"],
        last_rev=newest,
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
