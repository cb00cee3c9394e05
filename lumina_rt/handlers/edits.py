"""One's own messages: edit them, delete them for everybody. What they said before, others see.

A block hinders nobody from deleting: what somebody has said stays theirs to take back. Other words
would be something new, which the other does not want to hear.
"""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import Forbidden, Gone, NotFound, Stale
from lumina_protocol.messages import (
    DeleteMessage,
    EditMessage,
    EditPage,
    FormerContent,
    ListEdits,
    Message,
    MessageDeleted,
    MessageEdited,
)

from lumina_rt import access, changes
from lumina_rt.once import once
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("conversations.lock")
ONE = query("messages.one")
EDIT = query("messages.edit")
EDITS = query("messages.edits")


@handles(EditMessage)
@once
async def edit(ctx: Ctx, tx: Tx, request: EditMessage) -> MessageEdited:
    message = await _own(tx, ctx.user_id, request)
    if message.is_deleted:
        raise Gone("This message was deleted.", field="message_id")
    if message.forwarded:
        raise Forbidden("What is passed on stays as it is.", field="message_id")
    if message.rev != request.base_rev:
        raise Stale(field="base_rev")
    await access.may_say(tx, user_id=ctx.user_id, conversation_id=message.conversation_id)
    await tx.run(
        EDIT,
        conversation_id=message.conversation_id,
        seq=message.seq,
        base_rev=request.base_rev,
        content=request.content,
    )
    changed = await changes.announce(tx, message)
    return MessageEdited.model_validate(changed.model_dump())


@handles(DeleteMessage)
@once
async def delete(ctx: Ctx, tx: Tx, request: DeleteMessage) -> MessageDeleted:
    message = await _own(tx, ctx.user_id, request)
    deleted = await changes.delete(tx, message)
    return MessageDeleted.model_validate(deleted.model_dump())


@handles(ListEdits)
async def edits(ctx: Ctx, request: ListEdits) -> EditPage:
    async with ctx.db.read() as tx:
        message = await access.said(
            tx,
            user_id=ctx.user_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
        )
        rows = await tx.all(
            EDITS,
            conversation_id=message.conversation_id,
            seq=message.seq,
            before_rev=request.before_rev,
            limit=request.limit + 1,
        )
    page = fitting(rows[: request.limit])
    return EditPage(
        edits=[FormerContent.model_validate(dict(row)) for row in page],
        more=len(rows) > len(page),
    )


async def _own(tx: Tx, user_id: UUID, request: EditMessage | DeleteMessage) -> Message:
    """The user's message, under the lock of its conversation. Raises NotFound, Forbidden."""
    conversation_id = request.conversation_id
    await tx.run(LOCK, conversation_id=conversation_id)
    await access.member(tx, user_id=user_id, conversation_id=conversation_id)
    row = await tx.maybe(ONE, conversation_id=conversation_id, message_id=request.message_id)
    if row is None:
        raise NotFound("The conversation has no such message.", field="message_id")
    if row["message_type"] == "system":
        raise Forbidden("What the server notes stays as it is.", field="message_id")
    if row["sender_id"] != user_id:
        raise Forbidden("This message is somebody else's.", field="message_id")
    return Message.model_validate(dict(row))
