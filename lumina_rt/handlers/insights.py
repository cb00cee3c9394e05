"""What became of a post day by day: what the triggers of counters have put into days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Forbidden
from lumina_protocol.insights import DayOfPost, GetInsights, Insights

from lumina_rt import access
from lumina_rt.post_states import MOODS
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

WHOSE = query("insights.whose")
DAYS = query("insights.days")
PLAIN = ("day", "views", "unique_views", "comments", "shares", "saves")


@handles(GetInsights)
async def insights(ctx: Ctx, request: GetInsights) -> Insights:
    async with ctx.db.read() as tx:
        post = await tx.maybe(WHOSE, user_id=ctx.user_id, post_id=request.post_id)
        if post is None:
            raise access.no_post()
        if post["author_id"] != ctx.user_id:
            raise Forbidden("Only its author is told that of a post.", field="post_id")
        if not post["counted"]:
            return Insights(post_id=request.post_id)
        between = {"from_day": request.from_day, "to_day": request.to_day}
        rows = await tx.all(DAYS, post_id=request.post_id, **between)
    days = [_day(row) for row in rows if any(list(row.values())[1:])]
    return Insights(post_id=request.post_id, days=days)


def _day(row: Row) -> DayOfPost:
    moods = {mood: row[mood] for mood in MOODS if row[mood]}
    return DayOfPost(**{name: row[name] for name in PLAIN}, reactions=moods)
