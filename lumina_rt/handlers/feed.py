"""The home feed, read when it is asked for. How, only this and sql/feed.sql know."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.feed import FeedPage, HomeFeed
from lumina_protocol.posts import Post

from lumina_rt import showing
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

OLDER = query("feed.older")
NEWER = query("feed.newer")

LAST = UUID(int=2**128 - 1)
ROUNDS = 5
"""How often it is looked on where most is not for the reader, before the page is short instead."""


@handles(HomeFeed)
async def home(ctx: Ctx, request: HomeFeed) -> FeedPage:
    async with ctx.db.read() as tx:
        found, last = await _found(tx, ctx.user_id, request)
        ids = found[: request.limit]
        posts = await showing.shown(tx, ctx.user_id, ids)
    fit = showing.fitting(posts)
    if len(fit) < len(posts):
        last = fit[-1].post_id
    elif len(found) > request.limit:
        last = ids[-1]
    return FeedPage(posts=_newest_first(fit), more=last is not None, next=last)


def _newest_first(posts: list[Post]) -> list[Post]:
    return sorted(posts, key=lambda post: post.post_id, reverse=True)


async def _found(tx: Tx, user_id: UUID, request: HomeFeed) -> tuple[list[UUID], UUID | None]:
    """What is for the user, one more than asked for where there are more, and up to where it was
    looked; None: to the end."""
    found: list[UUID] = []
    start = request.after or request.before or LAST
    scan = request.limit + 1
    for _ in range(ROUNDS):
        rows = await _look(tx, user_id, start, scan, onwards=request.after is not None)
        found += [row["post_id"] for row in rows if row["shown"]]
        if len(rows) < scan:
            return found, None
        start = rows[-1]["post_id"]
        if len(found) > request.limit:
            break
    return found, start


async def _look(tx: Tx, user_id: UUID, start: UUID, scan: int, *, onwards: bool) -> list[Row]:
    if onwards:
        return list(await tx.all(NEWER, user_id=user_id, after_id=start, scan=scan))
    return list(await tx.all(OLDER, user_id=user_id, before_id=start, scan=scan))
