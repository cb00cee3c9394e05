"""Moods on messages. Each is a change of the message, with its counts as they are then.

A block hinders nobody from taking one back, as with what was said (edits.py).
"""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.message_reactions import (
    ListReactions,
    React,
    Reaction,
    ReactionKept,
    ReactionPage,
)
from lumina_protocol.messages import Message

from lumina_rt import access, changes
from lumina_rt.notifying import Cause, notify, withdraw
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("conversations.lock")
SET = query("message_reactions.set")
REMOVE = query("message_reactions.remove")
PAGE = query("message_reactions.page")
OWN = query("message_reactions.own")


@handles(React)
@once
async def react(ctx: Ctx, tx: Tx, request: React) -> ReactionKept:
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    await tx.run(LOCK, conversation_id=request.conversation_id)
    message = await access.said(tx, message_id=request.message_id, **where)
    if request.reaction is None:
        changed = await tx.maybe(REMOVE, seq=message.seq, **where)
    else:
        await access.may_react(tx, **where)
        changed = await tx.maybe(SET, seq=message.seq, reaction=request.reaction, **where)
    if changed:
        message = await changes.announce(tx, message)
        await (withdraw if request.reaction is None else notify)(tx, _cause(ctx.user_id, message))
    kept = {"message_id": message.message_id, "seq": message.seq, "rev": message.rev}
    return ReactionKept(changed=changed is not None, **kept)


def _cause(user_id: UUID, message: Message) -> Cause:
    return Cause(
        "reaction",
        [message.sender_id],
        f"reaction:message:{message.message_id}",
        "reacted to your message",
        actor_id=user_id,
        conversation_id=message.conversation_id,
        message_id=message.message_id,
    )


@handles(ListReactions)
async def who(ctx: Ctx, request: ListReactions) -> ReactionPage:
    after_ms, after_id = request.after or (None, None)
    async with ctx.db.read() as tx:
        message = await access.said(
            tx,
            user_id=ctx.user_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
        )
        where = {"conversation_id": message.conversation_id, "seq": message.seq}
        own = await tx.maybe(OWN, user_id=ctx.user_id, **where)
        rows = await tx.all(
            PAGE, after_ms=after_ms, after_id=after_id, limit=request.limit + 1, **where
        )
    return ReactionPage(
        reactions=[Reaction.model_validate(dict(row)) for row in rows[: request.limit]],
        more=len(rows) > request.limit,
        own=own["reaction"] if own else None,
    )
