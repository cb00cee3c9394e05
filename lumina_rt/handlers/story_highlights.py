"""Highlights: kept under the lock of their author, whose number of them is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lumina_protocol.errors import Conflict, Invalid, NotFound
from lumina_protocol.story_highlights import (
    MAX_HIGHLIGHTS,
    MAX_ITEMS,
    ChangeHighlight,
    CreateHighlight,
    Highlight,
    HighlightChanged,
    HighlightList,
    HighlightRemoved,
    HighlightReply,
    ListHighlights,
    RemoveHighlight,
)

from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK_OWN = query("story_highlights.lock_own")
COUNT = query("story_highlights.count")
UNFIT = query("story_highlights.unfit")
CREATE = query("story_highlights.create")
FIND = query("story_highlights.find")
CHANGE = query("story_highlights.change")
ADD = query("story_highlights.add")
TAKE = query("story_highlights.take")
ITEMS = query("story_highlights.items")
REMOVE = query("story_highlights.remove")
SHOWN = query("story_highlights.shown")
MEDIA = query("comments.media")


@handles(CreateHighlight)
@once
async def create(ctx: Ctx, tx: Tx, request: CreateHighlight) -> HighlightReply:
    await tx.run(LOCK_OWN, user_id=ctx.user_id)
    await _refuse_cover(ctx, tx, request.cover_media_id)
    if (await tx.one(COUNT, user_id=ctx.user_id))["count"] >= MAX_HIGHLIGHTS:
        raise Invalid(f"A user has at most {MAX_HIGHLIGHTS} highlights.", field="highlight_id")
    row = await tx.maybe(
        CREATE,
        made_id=request.highlight_id,
        user_id=ctx.user_id,
        title=request.highlight_title,
        media_id=request.cover_media_id,
    )
    if row is None:
        raise Conflict(field="highlight_id")
    await _add(ctx, tx, request.highlight_id, request.story_ids, field="story_ids")
    return await _told(ctx, tx, request.highlight_id)


@handles(ChangeHighlight)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeHighlight) -> HighlightReply:
    name = {"highlight_id": request.highlight_id, "user_id": ctx.user_id}
    await tx.run(LOCK_OWN, user_id=ctx.user_id)
    if await tx.maybe(FIND, **name) is None:
        raise NotFound("There is no such highlight of yours.", field="highlight_id")
    await _refuse_cover(ctx, tx, request.cover_media_id)
    title, media_id = request.highlight_title, request.cover_media_id
    await tx.run(CHANGE, title=title, media_id=media_id, **name)
    await tx.run(TAKE, highlight_id=request.highlight_id, story_ids=request.take_ids)
    await _add(ctx, tx, request.highlight_id, request.add_ids, field="add_ids")
    return await _told(ctx, tx, request.highlight_id)


@handles(RemoveHighlight)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemoveHighlight) -> HighlightRemoved:
    name = {"highlight_id": request.highlight_id, "user_id": ctx.user_id}
    await tx.run(LOCK_OWN, user_id=ctx.user_id)
    changed = await tx.maybe(REMOVE, **name) is not None
    if changed:
        tx.tell(HighlightChanged(highlight_id=request.highlight_id), to=[ctx.user_id])
    return HighlightRemoved(changed=changed)


@handles(ListHighlights)
async def of_user(ctx: Ctx, request: ListHighlights) -> HighlightList:
    async with ctx.db.read() as tx:
        rows = await tx.all(SHOWN, user_id=ctx.user_id, other_id=request.user_id, only_id=None)
    return HighlightList(highlights=[Highlight.model_validate(dict(row)) for row in rows])


async def _refuse_cover(ctx: Ctx, tx: Tx, media_id: UUID | None) -> None:
    """Raises NotFound, Invalid."""
    if media_id is None:
        return
    row = await tx.maybe(MEDIA, media_id=media_id, user_id=ctx.user_id)
    if row is None:
        text = "There is no such media object, or it is not yours."
        raise NotFound(text, field="cover_media_id")
    if (row["kind"], row["status"]) != ("image", "ready"):
        raise Invalid("cover_media_id: it is no image that is ready", field="cover_media_id")


async def _add(
    ctx: Ctx, tx: Tx, highlight_id: UUID, story_ids: Sequence[UUID], *, field: str
) -> None:
    """Raises NotFound, Invalid."""
    if await tx.all(UNFIT, user_id=ctx.user_id, story_ids=story_ids):
        raise NotFound("Not all of these are stories of yours.", field=field)
    await tx.run(ADD, highlight_id=highlight_id, story_ids=story_ids)
    if (await tx.one(ITEMS, highlight_id=highlight_id))["count"] > MAX_ITEMS:
        raise Invalid(f"A highlight has at most {MAX_ITEMS} stories.", field=field)


async def _told(ctx: Ctx, tx: Tx, highlight_id: UUID) -> HighlightReply:
    row = await tx.one(SHOWN, user_id=ctx.user_id, other_id=ctx.user_id, only_id=highlight_id)
    highlight = Highlight.model_validate(dict(row))
    tx.tell(HighlightChanged(highlight_id=highlight_id, highlight=highlight), to=[ctx.user_id])
    return HighlightReply(highlight=highlight)
