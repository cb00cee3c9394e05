"""Say who one is, and whether one is there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import InvalidToken, SessionEnded
from lumina_protocol.session import Authenticate, Ping, Pong, Ready

from lumina_rt.access import refuse_suspended
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query
from lumina_rt.tokens import digest, is_bot_token

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

VALID = query("sessions.valid")
USE = query("access_tokens.use")


@handles(Authenticate)
async def authenticate(ctx: Ctx, request: Authenticate) -> Ready:
    if is_bot_token(request.token):
        return await _bot(ctx, request.token)
    access = ctx.services.access_tokens.read(request.token)
    async with ctx.db.read() as tx:
        user = await tx.maybe(VALID, session_id=access.session_id, user_id=access.user_id)
    if user is None:
        raise SessionEnded(field="token")
    refuse_suspended(user)
    if not user["valid"]:
        raise SessionEnded(field="token")
    return _ready(
        ctx,
        user,
        session_id=access.session_id,
        expires_at=access.expires_at,
        role=user["staff_role"],
    )


async def _bot(ctx: Ctx, token: str) -> Ready:
    async with ctx.db.read() as tx:
        user = await tx.maybe(USE, token_digest=digest(token))
    if user is None:
        raise InvalidToken("This token is unknown, revoked or expired.", field="token")
    refuse_suspended(user)
    return _ready(
        ctx,
        user,
        session_id=user["token_id"],
        expires_at=user["expires_at"],
        scopes=user["scopes"],
    )


def _ready(
    ctx: Ctx,
    user: Row,
    *,
    session_id: UUID,
    expires_at: int | None,
    scopes: list[str] | None = None,
    role: str | None = None,
) -> Ready:
    return Ready(
        connection_id=ctx.connection_id,
        session_id=session_id,
        scopes=scopes,
        role=role,
        expires_at=expires_at,
        user_id=user["user_id"],
        username=user["username"],
        time=ctx.now_ms(),
        epoch=ctx.services.epoch(),
    )


@handles(Ping)
async def ping(ctx: Ctx, request: Ping) -> Pong:
    return Pong(time=ctx.now_ms())
