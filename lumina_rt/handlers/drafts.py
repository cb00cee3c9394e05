"""Drafts: what a user is writing, on all their devices.

A draft is not touched by what its user sends: the client that sends knows which draft it was.
"""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.drafts import (
    Draft,
    DraftChanged,
    DraftKept,
    DraftPage,
    ListDrafts,
    SetDraft,
)
from lumina_protocol.errors import NotFound

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("drafts.lock")
SEEN = query("messages.seen")
SET = query("drafts.set")
REMOVE = query("drafts.remove")
PAGE = query("drafts.page")


@handles(SetDraft)
@once
async def set_draft(ctx: Ctx, tx: Tx, request: SetDraft) -> DraftKept:
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    if await tx.maybe(LOCK, **where) is None:
        raise access.not_found()
    if not request.content:
        row = await tx.maybe(REMOVE, **where)
        return _kept(tx, ctx.user_id, DraftChanged(**row) if row else None)
    if request.reply_to and not await tx.maybe(SEEN, message_id=request.reply_to, **where):
        raise NotFound("The conversation has no such message, or not for you.", field="reply_to")
    row = await tx.maybe(SET, content=request.content, reply_to=request.reply_to, **where)
    return _kept(tx, ctx.user_id, _changed(Draft(**row)) if row else None)


def _changed(draft: Draft) -> DraftChanged:
    return DraftChanged(conversation_id=draft.conversation_id, draft=draft)


def _kept(tx: Tx, user_id: UUID, told: DraftChanged | None) -> DraftKept:
    if told is not None:
        tx.tell(told, to=[user_id])
    return DraftKept(changed=told is not None)


@handles(ListDrafts)
async def list_drafts(ctx: Ctx, request: ListDrafts) -> DraftPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            PAGE, user_id=ctx.user_id, after_id=request.after, limit=request.limit + 1
        )
    fit = fitting(rows[: request.limit])
    return DraftPage(drafts=[Draft(**row) for row in fit], more=len(rows) > len(fit))
