"""Drafts of posts: kept, listed and removed. Published by workers/publishing.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Conflict, Gone, Invalid
from lumina_protocol.post_drafts import (
    MAX_DRAFTS,
    ListPostDrafts,
    PostDraftChanged,
    PostDraftKept,
    PostDraftPage,
    RemovePostDraft,
    SetPostDraft,
)

from lumina_rt import causes, posting
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK_USER = query("settings.lock")
LOCK = query("post_drafts.lock")
COUNT = query("post_drafts.count")
ADD = query("post_drafts.add")
CHANGE = query("post_drafts.change")
REMOVE = query("post_drafts.remove")
PAGE = query("post_drafts.page")


@handles(SetPostDraft)
@once
async def set_draft(ctx: Ctx, tx: Tx, request: SetPostDraft) -> PostDraftKept:
    name = {"user_id": ctx.user_id, "draft_id": request.draft_id}
    body = request.post.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    await tx.run(LOCK_USER, user_id=ctx.user_id)
    before = await tx.maybe(LOCK, **name)
    if before and before["post_id"]:
        raise Gone("This draft was published.", field="draft_id")
    await _refuse_unfit(ctx, tx, request, before)
    values = {"body": body, "publish_ms": request.publish_at}
    if before is None:
        await _refuse_too_many(ctx, tx)
        row = await tx.maybe(ADD, **name, **values)
        if row is None:
            raise Conflict(field="draft_id")
    elif (before["body"], before["publish_at"], before["error"]) == (
        body,
        request.publish_at,
        None,
    ):
        return PostDraftKept(draft_id=request.draft_id, changed=False)
    else:
        row = await tx.one(CHANGE, **name, **values)
        if before["error"]:
            await causes.no_more_refused(tx, **name)
    told = PostDraftChanged(draft_id=request.draft_id, draft=posting.draft(row))
    tx.tell(told, to=[ctx.user_id])
    return PostDraftKept(draft_id=request.draft_id, changed=True)


async def _refuse_unfit(ctx: Ctx, tx: Tx, request: SetPostDraft, before: Row | None) -> None:
    """Of what has a time: what would be refused now."""
    if request.publish_at is None:
        return
    now = ctx.now_ms()
    since = before["created_at"] if before else now
    if not now < request.publish_at <= since + posting.YEAR_MS - posting.MARGIN_MS:
        raise Invalid("publish_at: must be to come, and within a year", field="publish_at")
    body = request.post.model_dump(mode="json", exclude_none=True)
    made = posting.from_draft(body, field="post")
    if made.poll and made.poll.closes_at and made.poll.closes_at <= request.publish_at:
        raise Invalid("post: its poll must close after publish_at", field="post")
    await posting.refuse_unfit(tx, ctx.user_id, made, now_ms=now)


async def _refuse_too_many(ctx: Ctx, tx: Tx) -> None:
    if (await tx.one(COUNT, user_id=ctx.user_id))["count"] >= MAX_DRAFTS:
        raise Invalid(f"draft_id: there are at most {MAX_DRAFTS} drafts", field="draft_id")


@handles(RemovePostDraft)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemovePostDraft) -> PostDraftKept:
    row = await tx.maybe(REMOVE, user_id=ctx.user_id, draft_id=request.draft_id)
    if row is not None:
        if row["error"]:
            await causes.no_more_refused(tx, ctx.user_id, request.draft_id)
        tx.tell(PostDraftChanged(draft_id=request.draft_id), to=[ctx.user_id])
    return PostDraftKept(draft_id=request.draft_id, changed=row is not None)


@handles(ListPostDrafts)
async def drafts(ctx: Ctx, request: ListPostDrafts) -> PostDraftPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            PAGE, user_id=ctx.user_id, before_id=request.before, limit=request.limit + 1
        )
    found = [posting.draft(row) for row in rows[: request.limit]]
    fit = posting.fitting_drafts(found)
    more = len(rows) > request.limit or len(fit) < len(found)
    return PostDraftPage(drafts=fit, more=more)
