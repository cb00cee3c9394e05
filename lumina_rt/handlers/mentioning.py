"""Posts that name who asks."""

from __future__ import annotations

from lumina_protocol.mentioning import ListMentioning
from lumina_protocol.posts import PostPage

from lumina_rt import showing
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

PAGE = query("mentioning.page")


@handles(ListMentioning)
async def mentioning(ctx: Ctx, request: ListMentioning) -> PostPage:
    asked = {"before_id": request.before, "limit": request.limit + 1}
    async with ctx.db.read() as tx:
        rows = await tx.all(PAGE, user_id=ctx.user_id, **asked)
        found = [row["post_id"] for row in rows]
        return await showing.page(tx, ctx.user_id, found, request.limit)
