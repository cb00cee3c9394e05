"""People to follow: suggested, or looked for by name."""

from __future__ import annotations

from lumina_protocol.fields import username_key
from lumina_protocol.follows import KnownUser
from lumina_protocol.people import (
    FoundUsers,
    SearchUsers,
    SuggestedUser,
    Suggestions,
    SuggestUsers,
)

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

SUGGESTIONS = query("people.suggestions")
SEARCH = query("people.search")

LAST = "\U0010ffff"
"""No name has it: what begins with a prefix comes before the prefix and this."""


@handles(SuggestUsers)
async def suggest(ctx: Ctx, request: SuggestUsers) -> Suggestions:
    async with ctx.db.read() as tx:
        rows = await tx.all(SUGGESTIONS, user_id=ctx.user_id, limit=request.limit)
    return Suggestions(users=[SuggestedUser(**row) for row in rows])


@handles(SearchUsers)
async def search(ctx: Ctx, request: SearchUsers) -> FoundUsers:
    prefix = username_key(request.prefix)
    async with ctx.db.read() as tx:
        asked = {"prefix": prefix, "past_prefix": prefix + LAST, "limit": request.limit}
        rows = await tx.all(SEARCH, user_id=ctx.user_id, **asked)
    return FoundUsers(users=[KnownUser(**row) for row in rows])
