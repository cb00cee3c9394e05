"""Tokens of bots: made, listed, revoked."""

from __future__ import annotations

from lumina_protocol.errors import Conflict, NotFound
from lumina_protocol.tokens import (
    BotToken,
    BotTokens,
    CreateToken,
    ListTokens,
    RevokeToken,
    TokenCreated,
    TokenRevoked,
)

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query
from lumina_rt.tokens import digest, new_bot_token

LOCK = query("accounts.lock")
CREATE = query("access_tokens.create")
LIST = query("access_tokens.list")
REVOKE = query("access_tokens.revoke")

MAX_TOKENS = 50
"""Of a user."""


@handles(CreateToken)
async def create_token(ctx: Ctx, request: CreateToken) -> TokenCreated:
    token = new_bot_token()
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, user_id=ctx.user_id)  # two at once must not both be the last
        made = await tx.maybe(
            CREATE,
            token_id=request.token_id,
            user_id=ctx.user_id,
            name=request.name,
            token_digest=digest(token),
            scopes=sorted(set(request.scopes)),
            expires_ms=request.expires_at,
            limit=MAX_TOKENS,
        )
    if made is None:
        why = f"You have made this token before, or have {MAX_TOKENS} already: revoke one."
        raise Conflict(why, field="token_id")
    return TokenCreated(token=token, expires_at=request.expires_at)


@handles(ListTokens)
async def list_tokens(ctx: Ctx, request: ListTokens) -> BotTokens:
    async with ctx.db.read() as tx:
        rows = await tx.all(LIST, user_id=ctx.user_id)
    return BotTokens(tokens=[BotToken(**row) for row in rows])


@handles(RevokeToken)
async def revoke_token(ctx: Ctx, request: RevokeToken) -> TokenRevoked:
    async with ctx.db.tx() as tx:
        key = {"token_id": request.token_id, "user_id": ctx.user_id}
        if await tx.maybe(REVOKE, **key) is None:
            raise NotFound("There is no such token of yours.", field="token_id")
    ctx.services.sessions_ended()
    return TokenRevoked()
