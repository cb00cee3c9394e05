"""Posts: made, read, and those of a user. posting.py makes them, showing.py shows them."""

from __future__ import annotations

from lumina_protocol.posts import CreatePost, GetPost, ListPosts, PostKept, PostPage, PostReply

from lumina_rt import posting, showing
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

OF_USER = query("posts.of_user")


@handles(CreatePost)
@once
async def create(ctx: Ctx, tx: Tx, request: CreatePost) -> PostKept:
    return await posting.publish(tx, ctx.user_id, request, now_ms=ctx.now_ms())


@handles(GetPost)
async def get(ctx: Ctx, request: GetPost) -> PostReply:
    async with ctx.db.read() as tx:
        return PostReply(post=await showing.one(tx, ctx.user_id, request.post_id))


@handles(ListPosts)
async def of_user(ctx: Ctx, request: ListPosts) -> PostPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            OF_USER,
            user_id=ctx.user_id,
            other_id=request.user_id,
            before_id=request.before,
            limit=request.limit + 1,
        )
        found = [row["post_id"] for row in rows]
        return await showing.page(tx, ctx.user_id, found, request.limit)
