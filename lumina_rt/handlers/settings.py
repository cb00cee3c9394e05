"""Settings of a user: read, changed."""

from __future__ import annotations

from lumina_protocol.settings import (
    ChangeSettings,
    GetSettings,
    SettingsChanged,
    SettingsKept,
    SettingsReply,
    UserSettings,
)

from lumina_rt import following, posting
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("settings.lock")
LOCK_PRIVACY = query("follows.lock_privacy")
GET = query("settings.get")
CHANGE = query("settings.change")


@handles(GetSettings)
async def get(ctx: Ctx, request: GetSettings) -> SettingsReply:
    async with ctx.db.read() as tx:
        return SettingsReply(settings=UserSettings(**await tx.one(GET, user_id=ctx.user_id)))


@handles(ChangeSettings)
async def change(ctx: Ctx, request: ChangeSettings) -> SettingsKept:
    """Who waits for an account that becomes public is let in before it is answered. That may be
    many, so it is done in parts; what one try leaves, the next one does."""
    kept = await _change(ctx, request)
    more = request.is_private is False
    while more:
        async with ctx.db.tx() as tx:
            more = await following.let_in(tx, ctx.user_id)
    return kept


@once
async def _change(ctx: Ctx, tx: Tx, request: ChangeSettings) -> SettingsKept:
    await tx.run(LOCK, user_id=ctx.user_id)
    if request.is_private is not None:
        await tx.run(LOCK_PRIVACY, user_id=ctx.user_id)
    before = UserSettings(**await tx.one(GET, user_id=ctx.user_id))
    await tx.run(CHANGE, user_id=ctx.user_id, **request.model_dump(exclude={"op_id"}))
    after = UserSettings(**await tx.one(GET, user_id=ctx.user_id))
    if after != before:
        tx.tell(SettingsChanged(settings=after), to=[ctx.user_id])
        ctx.shows_changed(tx, ctx.user_id)
    if after.is_private != before.is_private:
        await posting.touch_topics_of(tx, ctx.user_id)
    return SettingsKept(changed=after != before)
