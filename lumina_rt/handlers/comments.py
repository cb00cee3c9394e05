"""Comments: each change is numbered under the lock of the post, and those who watch it are told.

What somebody has said stays theirs to take back, whatever has become of the post for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.comments import (
    COMMENT_MEDIA,
    MAX_DEPTH,
    MAX_PINNED,
    CommentChanged,
    CommentKept,
    CommentLiked,
    CreateComment,
    DeleteComment,
    EditComment,
    LikeComment,
    OfComment,
    PinComment,
    UnlikeComment,
    UnpinComment,
)
from lumina_protocol.errors import Conflict, Forbidden, Gone, Invalid, NotFound, Stale

from lumina_rt import access, causes, commenting
from lumina_rt.notifying import look_again
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

ONE = query("comments.one")
MEDIA = query("comments.media")
CREATE = query("comments.create")
EDIT = query("comments.edit")
DELETE = query("comments.delete")
LIKE = query("comments.like")
UNLIKE = query("comments.unlike")
PIN = query("comments.pin")
UNPIN = query("comments.unpin")
PINS = query("comments.pins")
POST_AUTHOR = query("comments.post_author")


@handles(CreateComment)
@once
async def create(ctx: Ctx, tx: Tx, request: CreateComment) -> CommentKept:
    where = {"post_id": request.post_id, "user_id": ctx.user_id}
    await commenting.lock(tx, request.post_id)
    await access.may_comment(tx, **where)
    parent = await _parent(ctx, tx, request)
    row = await tx.maybe(
        CREATE,
        comment_id=request.comment_id,
        content=request.content,
        parent_comment_id=request.parent_comment_id,
        depth=parent["depth"] + 1 if parent else 0,
        media_id=request.media_id,
        media_type=await _media_type(ctx, tx, request.media_id),
        **where,
    )
    if row is None:
        raise Conflict("There is something with this id already.", field="comment_id")
    above = [parent["comment_id"]] if parent else []
    made = await commenting.number(tx, request.post_id, [request.comment_id, *above])
    await causes.commented(tx, ctx.user_id, request.post_id, request.comment_id, request.content)
    kept = {name: made[name] for name in ("comment_id", "rev", "version")}
    return CommentKept(**kept, created_at=row["created_at"])


@handles(EditComment)
@once
async def edit(ctx: Ctx, tx: Tx, request: EditComment) -> CommentChanged:
    comment = await _own(ctx, tx, request)
    if comment["version"] != request.base_version:
        raise Stale(field="base_version")
    await access.may_comment(tx, user_id=ctx.user_id, post_id=request.post_id)
    await tx.run(EDIT, content=request.content, **_where(request))
    words = comment["content"], request.content
    await causes.reworded(tx, ctx.user_id, request.post_id, request.comment_id, *words)
    return await _changed(tx, request, comment)


@handles(DeleteComment)
@once
async def delete(ctx: Ctx, tx: Tx, request: DeleteComment) -> CommentChanged:
    comment = await _locked(tx, request)
    if ctx.user_id not in (comment["user_id"], await _post_author(tx, request.post_id)):
        await access.post(tx, user_id=ctx.user_id, post_id=request.post_id)
        raise Forbidden("This comment is somebody else's.", field="comment_id")
    if comment["is_deleted"]:
        return _as_it_is(comment)
    await tx.run(DELETE, **_where(request))
    await look_again(tx, comment_id=request.comment_id)
    return await _changed(tx, request, comment)


@handles(LikeComment)
@once
async def like(ctx: Ctx, tx: Tx, request: LikeComment) -> CommentChanged:
    comment = await _seen(ctx, tx, request)
    where = {"comment_id": request.comment_id, "user_id": ctx.user_id}
    if await tx.maybe(LIKE, **where) is None:
        return _as_it_is(comment)
    await causes.liked(tx, ctx.user_id, request.post_id, comment)
    tx.tell(CommentLiked(liked=True, **_where(request)), to=[ctx.user_id])
    return await _changed(tx, request, comment, counted=False)


@handles(UnlikeComment)
@once
async def unlike(ctx: Ctx, tx: Tx, request: UnlikeComment) -> CommentChanged:
    comment = await _locked(tx, request)
    where = {"comment_id": request.comment_id, "user_id": ctx.user_id}
    if await tx.maybe(UNLIKE, **where) is None:
        await _refuse_unseen(ctx, tx, request, comment)
        return _as_it_is(comment)
    await causes.liked(tx, ctx.user_id, request.post_id, comment, holds=False)
    tx.tell(CommentLiked(liked=False, **_where(request)), to=[ctx.user_id])
    return await _changed(tx, request, comment, counted=False)


@handles(PinComment)
@once
async def pin(ctx: Ctx, tx: Tx, request: PinComment) -> CommentChanged:
    comment = await _pinnable(ctx, tx, request)
    if comment["depth"]:
        raise Invalid("comment_id: only threads are pinned", field="comment_id")
    if await tx.maybe(PIN, **_where(request)) is None:
        return _as_it_is(comment)
    if (await tx.one(PINS, post_id=request.post_id))["count"] > MAX_PINNED:
        raise Invalid(f"A post has at most {MAX_PINNED} pinned comments.", field="comment_id")
    return await _changed(tx, request, comment, counted=False)


@handles(UnpinComment)
@once
async def unpin(ctx: Ctx, tx: Tx, request: UnpinComment) -> CommentChanged:
    comment = await _pinnable(ctx, tx, request)
    if await tx.maybe(UNPIN, **_where(request)) is None:
        return _as_it_is(comment)
    return await _changed(tx, request, comment, counted=False)


async def _post_author(tx: Tx, post_id: UUID) -> UUID:
    author: UUID = (await tx.one(POST_AUTHOR, post_id=post_id))["user_id"]
    return author


async def _locked(tx: Tx, request: OfComment[CommentChanged]) -> Row:
    """Whoever asks. Raises NotFound."""
    await commenting.lock(tx, request.post_id)
    comment = await tx.maybe(ONE, **_where(request))
    if comment is None:
        raise access.no_comment()
    return comment


async def _seen(ctx: Ctx, tx: Tx, request: OfComment[CommentChanged]) -> Row:
    """One that is there, of a post that the user may see. Raises NotFound, Gone."""
    comment = await _locked(tx, request)
    await _refuse_unseen(ctx, tx, request, comment)
    if comment["is_deleted"]:
        raise Gone("This comment was deleted.", field="comment_id")
    return comment


async def _refuse_unseen(
    ctx: Ctx, tx: Tx, request: OfComment[CommentChanged], comment: Row
) -> None:
    await access.post(tx, user_id=ctx.user_id, post_id=request.post_id)
    await access.comment_of(tx, user_id=ctx.user_id, other_id=comment["user_id"])


async def _own(ctx: Ctx, tx: Tx, request: OfComment[CommentChanged]) -> Row:
    comment = await _seen(ctx, tx, request)
    if comment["user_id"] != ctx.user_id:
        raise Forbidden("This comment is somebody else's.", field="comment_id")
    return comment


async def _pinnable(ctx: Ctx, tx: Tx, request: OfComment[CommentChanged]) -> Row:
    comment = await _seen(ctx, tx, request)
    if await _post_author(tx, request.post_id) != ctx.user_id:
        raise Forbidden("Only the author of the post pins its comments.", field="post_id")
    return comment


async def _parent(ctx: Ctx, tx: Tx, request: CreateComment) -> Row | None:
    """What it replies to. Raises NotFound, Gone, and Invalid for a reply too deep."""
    if request.parent_comment_id is None:
        return None
    where = {"post_id": request.post_id, "comment_id": request.parent_comment_id}
    parent = await tx.maybe(ONE, **where)
    field = "parent_comment_id"
    if parent is None:
        raise access.no_comment(field)
    await access.comment_of(tx, user_id=ctx.user_id, other_id=parent["user_id"], field=field)
    if parent["is_deleted"]:
        raise Gone("This comment was deleted.", field=field)
    if parent["depth"] >= MAX_DEPTH:
        raise Invalid(f"{field}: a thread is {MAX_DEPTH} replies deep at most", field=field)
    return parent


async def _media_type(ctx: Ctx, tx: Tx, media_id: UUID | None) -> str | None:
    """Raises NotFound, Invalid."""
    if media_id is None:
        return None
    row = await tx.maybe(MEDIA, media_id=media_id, user_id=ctx.user_id)
    if row is None:
        raise NotFound("There is no such media object, or it is not yours.", field="media_id")
    if row["status"] != "ready":
        raise Invalid("media_id: it is not ready", field="media_id")
    if row["kind"] not in COMMENT_MEDIA:
        raise Invalid("media_id: comments show images, gifs and stickers", field="media_id")
    return str(row["kind"])


def _where(request: OfComment[CommentChanged]) -> dict[str, UUID]:
    return {"post_id": request.post_id, "comment_id": request.comment_id}


def _as_it_is(comment: Row) -> CommentChanged:
    kept = {name: comment[name] for name in ("comment_id", "rev", "version")}
    return CommentChanged(**kept, changed=False)


async def _changed(
    tx: Tx, request: OfComment[CommentChanged], comment: Row, *, counted: bool = True
) -> CommentChanged:
    """`counted`: what it replies to may have another number of replies now."""
    above = [comment["parent_comment_id"]] if counted and comment["parent_comment_id"] else []
    made = await commenting.number(tx, request.post_id, [request.comment_id, *above])
    kept = {name: made[name] for name in ("comment_id", "rev", "version")}
    return CommentChanged(**kept, changed=True)
