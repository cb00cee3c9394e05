"""Presence: whom a connection watches, who wants to be seen, how many are online."""

from __future__ import annotations

from lumina_protocol.errors import Unavailable
from lumina_protocol.presence import (
    CountPresence,
    PresenceCount,
    PresenceSet,
    PresenceWatched,
    SetPresence,
    WatchPresence,
)
from lumina_protocol.settings import SettingsChanged, UserSettings

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("settings.lock")
GET = query("settings.get")
SET_INVISIBLE = query("presence.set_invisible")
SIZE = query("presence.size")
COUNTABLE = query("presence.countable")

BIG = 200
"""In a bigger conversation members are counted, and do not see each other by being in it; the same
as in sql/migrations/0035 and sql/presence.sql."""


@handles(WatchPresence)
async def watch(ctx: Ctx, request: WatchPresence) -> PresenceWatched:
    if ctx.line is None:  # nobody is there any more to be told
        raise Unavailable
    watching = ctx.services.presence.watch(ctx.user_id, ctx.line, request.user_ids)
    return PresenceWatched(users=await watching)


@handles(SetPresence)
@once
async def set_invisible(ctx: Ctx, tx: Tx, request: SetPresence) -> PresenceSet:
    await tx.run(LOCK, user_id=ctx.user_id)
    before = UserSettings(**await tx.one(GET, user_id=ctx.user_id))
    if before.invisible is request.invisible:
        return PresenceSet(changed=False)
    await tx.run(SET_INVISIBLE, user_id=ctx.user_id, invisible=request.invisible)
    after = before.model_copy(update={"invisible": request.invisible})
    tx.tell(SettingsChanged(settings=after), to=[ctx.user_id])
    ctx.shows_changed(tx, ctx.user_id)
    return PresenceSet(changed=True)


@handles(CountPresence)
async def count(ctx: Ctx, request: CountPresence) -> PresenceCount:
    presence, where = ctx.services.presence, request.conversation_id
    async with ctx.db.read() as tx:
        await access.member(tx, user_id=ctx.user_id, conversation_id=where)
        big = (await tx.one(SIZE, conversation_id=where))["member_count"] > BIG
        if big and (lately := presence.lately(where)) is not None:
            return PresenceCount(online=lately)
        rows = await tx.all(COUNTABLE, user_id=ctx.user_id, conversation_id=where)
    found = await presence.online([row["user_id"] for row in rows])
    if found is None:
        return PresenceCount()
    if big:
        presence.counted(where, len(found))
    return PresenceCount(online=len(found))
