"""Comments read: by threads, by replies, and by what has changed since."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.comments import (
    RANKED,
    Comment,
    CommentPage,
    CommentsSynced,
    GetComments,
    PageComments,
    PageReplies,
    SyncComments,
)

from lumina_rt import access
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LAST = query("comments.last")
SORTED = {"newest": query("comments.newest"), "oldest": query("comments.oldest")}
MOST_LIKED = query("comments.most_liked")
PINNED = query("comments.pinned")
REPLIES = query("comments.replies")
SOME = query("comments.some")
SINCE = query("comments.since")
NUMBERS = ("like_count", "reply_count")


@handles(PageComments)
async def page(ctx: Ctx, request: PageComments) -> CommentPage:
    where = {"post_id": request.post_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        await access.post(tx, **where)
        last = await tx.one(LAST, **where)
        pinned = [] if request.after else await tx.all(PINNED, **where)
        if request.sort == "most_liked":
            ranked = [row["comment_id"] for row in await tx.all(MOST_LIKED, limit=RANKED, **where)]
            rows = await tx.all(SOME, comment_ids=ranked[: request.limit], **where)
            rest, more = ranked[request.limit :], len(ranked) > request.limit
        else:
            after_ms = request.after[0] if request.after else None
            sort = SORTED[request.sort]
            rows = await tx.all(sort, after_ms=after_ms, limit=request.limit + 1, **where)
            rows, rest, more = rows[: request.limit], [], len(rows) > request.limit
    shown = [comment(row, last["counted"]) for row in pinned]
    return _page(rows, last, more=more, pinned=shown, rest=rest)


@handles(PageReplies)
async def replies(ctx: Ctx, request: PageReplies) -> CommentPage:
    where = {"post_id": request.post_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        last = await _last(tx, where)
        if not await tx.all(SOME, comment_ids=[request.comment_id], **where):
            raise access.no_comment()
        rows = await tx.all(
            REPLIES,
            parent_comment_id=request.comment_id,
            after_ms=request.after[0] if request.after else None,
            limit=request.limit + 1,
            **where,
        )
    return _page(rows[: request.limit], last, more=len(rows) > request.limit)


@handles(GetComments)
async def get(ctx: Ctx, request: GetComments) -> CommentPage:
    where = {"post_id": request.post_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        last = await _last(tx, where)
        rows = await tx.all(SOME, comment_ids=request.comment_ids, **where)
    return _page(rows, last, more=False)


@handles(SyncComments)
async def sync(ctx: Ctx, request: SyncComments) -> CommentsSynced:
    """The number first: what comes meanwhile is told again, rather than not at all."""
    where = {"post_id": request.post_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        last = await _last(tx, where)
        rows = await tx.all(SINCE, after_rev=request.after_rev, limit=request.limit + 1, **where)
    found = rows[: request.limit]
    last_rev = max([last["last_rev"], request.after_rev, *(row["rev"] for row in rows)])
    return CommentsSynced(
        comments=_comments((row for row in found if not row["hidden"]), last["counted"]),
        from_rev=request.after_rev,
        to_rev=found[-1]["rev"] if len(rows) > len(found) else last_rev,
        last_rev=last_rev,
    )


async def _last(tx: Tx, where: dict[str, UUID]) -> Row:
    """Read before the comments. Raises NotFound."""
    await access.post(tx, **where)
    return await tx.one(LAST, **where)


def _page(
    rows: Iterable[Row],
    last: Row,
    *,
    more: bool,
    pinned: list[Comment] | None = None,
    rest: list[UUID] | None = None,
) -> CommentPage:
    return CommentPage(
        comments=_comments(rows, last["counted"]),
        more=more,
        pinned=pinned or [],
        rest=rest or [],
        comment_rev=last["last_rev"],
    )


def _comments(rows: Iterable[Row], counted: bool) -> list[Comment]:
    return [comment(row, counted) for row in rows]


def comment(row: Row, counted: bool) -> Comment:
    """As its reader sees it, with numbers or without."""
    left_out = {} if counted else dict.fromkeys(NUMBERS)
    return Comment.model_validate({**dict(row), **left_out})
