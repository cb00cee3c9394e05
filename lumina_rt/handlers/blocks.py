"""Blocks: made, ended, listed. What a block hinders, access.py and its SQL functions say."""

from __future__ import annotations

from lumina_protocol.blocks import (
    BlockChanged,
    BlockedUser,
    BlockPage,
    BlockUser,
    ListBlocks,
    UnblockUser,
    UserBlocked,
    UserUnblocked,
)
from lumina_protocol.errors import Invalid, NotFound

from lumina_rt import access, following, notifying
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

USERNAME = query("blocks.username")
LOCK_CONVERSATION = query("blocks.lock_conversation")
BLOCK = query("blocks.block")
UNBLOCK = query("blocks.unblock")
PAGE = query("blocks.page")


@handles(BlockUser)
@once
async def block(ctx: Ctx, tx: Tx, request: BlockUser) -> BlockChanged:
    pair = {"user_id": ctx.user_id, "other_id": request.user_id}
    if request.user_id == ctx.user_id:
        raise Invalid("Nobody blocks themselves.", field="user_id")
    if (other := await tx.maybe(USERNAME, user_id=request.user_id)) is None:
        raise NotFound("There is no such user.", field="user_id")
    await access.lock_pair(tx, **pair)
    await tx.run(LOCK_CONVERSATION, **pair)
    await following.end_all(tx, ctx.user_id, request.user_id)
    row = await tx.maybe(BLOCK, **pair)
    if row is not None:
        user = BlockedUser(**other, blocked_at=row["blocked_at"])
        await notifying.part(tx, **pair)
        tx.tell(UserBlocked(user=user), to=[ctx.user_id])
        ctx.shows_changed(tx, ctx.user_id, request.user_id)
    return BlockChanged(changed=row is not None)


@handles(UnblockUser)
@once
async def unblock(ctx: Ctx, tx: Tx, request: UnblockUser) -> BlockChanged:
    pair = {"user_id": ctx.user_id, "other_id": request.user_id}
    await access.lock_pair(tx, **pair)
    row = await tx.maybe(UNBLOCK, **pair)
    if row is not None:
        tx.tell(UserUnblocked(user_id=request.user_id), to=[ctx.user_id])
        ctx.shows_changed(tx, ctx.user_id, request.user_id)
    return BlockChanged(changed=row is not None)


@handles(ListBlocks)
async def list_blocks(ctx: Ctx, request: ListBlocks) -> BlockPage:
    before_ms, before_id = request.before or (None, None)
    async with ctx.db.read() as tx:
        rows = await tx.all(
            PAGE,
            user_id=ctx.user_id,
            before_ms=before_ms,
            before_id=before_id,
            limit=request.limit + 1,
        )
    users = [BlockedUser(**row) for row in rows[: request.limit]]
    return BlockPage(users=users, more=len(rows) > request.limit)
