"""Limits: what a user has left of them."""

from __future__ import annotations

from lumina_protocol.limits import GetLimits, LimitsLeft

from lumina_rt.router import Ctx, handles


@handles(GetLimits)
async def left(ctx: Ctx, request: GetLimits) -> LimitsLeft:
    return LimitsLeft(limits=await ctx.services.limits.left(ctx.user_id))
