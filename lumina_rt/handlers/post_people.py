"""What others do with a post: co-authors answer, and whoever sees it shares, views or finds it."""

from __future__ import annotations

import math

from lumina_protocol.errors import Forbidden
from lumina_protocol.post_people import (
    AnswerCoauthor,
    CoauthorAnswered,
    ListNearby,
    PostShared,
    PostsViewed,
    SharePost,
    ViewPosts,
)
from lumina_protocol.posts import PostPage

from lumina_rt import causes, posting, showing
from lumina_rt.notifying import look_again
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("post_people.lock")
PART = query("post_people.part")
ANSWER = query("post_people.answer")
VIEW = query("post_people.view")
NEARBY = query("post_people.nearby")
HOW_FAR = query("post_people.how_far")

KM_OF_A_DEGREE = 111.1
"""A little less than there are, so that the box holds the circle."""


@handles(AnswerCoauthor)
@once
async def answer(ctx: Ctx, tx: Tx, request: AnswerCoauthor) -> CoauthorAnswered:
    name = {"user_id": ctx.user_id, "post_id": request.post_id}
    post = await tx.maybe(LOCK, **name)
    if post is None or post["is_deleted"]:
        raise showing.not_found()
    part = await tx.one(PART, **name)
    status = "accepted" if request.accept else "declined"
    if request.accept and part["status"] == "declined":
        raise Forbidden("Who has declined is not asked again.", field="accept")
    if request.accept and not part["seen"]:
        raise showing.not_found()
    changed = part["status"] != status
    if changed:
        await tx.run(ANSWER, own_part=status, **name)
        await showing.tell_author(tx, post["author_id"], request.post_id)
        await causes.answered(tx, post["author_id"], accepted=request.accept, **name)
        if not request.accept:
            await look_again(tx, post_id=request.post_id)
        tx.touched(request.post_id)
        tx.sees_changed(ctx.user_id)
    return CoauthorAnswered(post_id=request.post_id, own_part=status, changed=changed)


@handles(SharePost)
@once
async def share(ctx: Ctx, tx: Tx, request: SharePost) -> PostShared:
    post = await showing.one(tx, ctx.user_id, request.post_id)
    await posting.share(tx, ctx.user_id, request.post_id, request.share_id, request.via)
    if request.via == "repost":
        await causes.reposted(tx, ctx.user_id, request.post_id, post.author.user_id)
    return PostShared(share_id=request.share_id)


@handles(ViewPosts)
async def view(ctx: Ctx, request: ViewPosts) -> PostsViewed:
    async with ctx.db.tx() as tx:
        rows = await tx.all(
            VIEW,
            user_id=ctx.user_id,
            post_ids=[one.post_id for one in request.views],
            watched=[one.watch_s for one in request.views],
        )
        tx.touched(*(row["post_id"] for row in rows if row["is_counted"]))
    return PostsViewed()


@handles(ListNearby)
async def nearby(ctx: Ctx, request: ListNearby) -> PostPage:
    high = request.within_km / KM_OF_A_DEGREE
    width = math.cos(math.radians(min(abs(request.latitude) + high, 90.0)))
    wide = min(high / width, 180.0) if width > 0 else 180.0
    async with ctx.db.read() as tx:
        after_km = await _how_far(tx, request)
        rows = await tx.all(
            NEARBY,
            after_id=request.after,
            after_km=after_km,
            user_id=ctx.user_id,
            latitude=request.latitude,
            longitude=request.longitude,
            south=request.latitude - high,
            north=request.latitude + high,
            west=request.longitude - wide,
            east=request.longitude + wide,
            within_km=request.within_km,
            newest=request.newest,
            limit=request.limit + 1,
        )
        found = [row["post_id"] for row in rows]
        return await showing.page(tx, ctx.user_id, found, request.limit)


async def _how_far(tx: Tx, request: ListNearby) -> float | None:
    """The post that the page is behind, in km. Raises NotFound."""
    if request.after is None or request.newest:
        return None
    place = {"latitude": request.latitude, "longitude": request.longitude}
    row = await tx.maybe(HOW_FAR, post_id=request.after, **place)
    if row is None:
        raise showing.not_found("after")
    return float(row["km"])
