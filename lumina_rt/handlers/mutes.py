"""Mutes: set, taken back, listed. Who shows something obeys them; see the statements of feeds."""

from __future__ import annotations

from lumina_protocol.errors import Invalid, NotFound
from lumina_protocol.mutes import (
    ListMutes,
    Mute,
    MuteChanged,
    MutePage,
    MuteUser,
    UnmuteUser,
    UserMuted,
)

from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

USERNAME = query("blocks.username")
SET = query("mutes.set")
REMOVE = query("mutes.remove")
PAGE = query("mutes.page")


@handles(MuteUser)
@once
async def mute(ctx: Ctx, tx: Tx, request: MuteUser) -> MuteChanged:
    if request.user_id == ctx.user_id:
        raise Invalid("Nobody mutes themselves.", field="user_id")
    if request.until is not None and request.until <= ctx.now_ms():
        raise Invalid("That is over already.", field="until")
    if (other := await tx.maybe(USERNAME, user_id=request.user_id)) is None:
        raise NotFound("There is no such user.", field="user_id")
    pair = {"user_id": ctx.user_id, "other_id": request.user_id}
    row = await tx.maybe(SET, mute_scope=request.mute_scope, until_ms=request.until, **pair)
    if row is not None:
        muted = UserMuted(user_id=request.user_id, mute=Mute(**other, **row))
        tx.tell(muted, to=[ctx.user_id])
    return MuteChanged(changed=row is not None)


@handles(UnmuteUser)
@once
async def unmute(ctx: Ctx, tx: Tx, request: UnmuteUser) -> MuteChanged:
    row = await tx.maybe(REMOVE, user_id=ctx.user_id, other_id=request.user_id)
    if row is not None:
        tx.tell(UserMuted(user_id=request.user_id), to=[ctx.user_id])
    return MuteChanged(changed=row is not None)


@handles(ListMutes)
async def list_mutes(ctx: Ctx, request: ListMutes) -> MutePage:
    before_ms, before_id = request.before or (None, None)
    async with ctx.db.read() as tx:
        rows = await tx.all(
            PAGE,
            user_id=ctx.user_id,
            before_ms=before_ms,
            before_id=before_id,
            limit=request.limit + 1,
        )
    mutes = [Mute(**row) for row in rows[: request.limit]]
    return MutePage(mutes=mutes, more=len(rows) > request.limit)
