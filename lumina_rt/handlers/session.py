"""Say who one is, and whether one is there."""

from __future__ import annotations

from lumina_protocol.errors import InvalidToken
from lumina_protocol.session import Authenticate, Ping, Pong, Ready

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

ACTIVE = query("accounts.active")


@handles(Authenticate)
async def authenticate(ctx: Ctx, request: Authenticate) -> Ready:
    user_id = ctx.services.tokens.user_id(request.token)
    async with ctx.db.read() as tx:
        user = await tx.maybe(ACTIVE, user_id=user_id)
    if user is None:
        raise InvalidToken("The account of this token is gone.", field="token")
    return Ready(
        session_id=ctx.session_id,
        user_id=user["user_id"],
        username=user["username"],
        time=ctx.now_ms(),
        epoch=ctx.services.epoch(),
    )


@handles(Ping)
async def ping(ctx: Ctx, request: Ping) -> Pong:
    return Pong(time=ctx.now_ms())
