"""Accounts: register and log in."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.accounts import Login, Register, Token
from lumina_protocol.errors import UsernameTaken, WrongCredentials
from lumina_protocol.fields import username_key, uuid7

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

REGISTER = query("accounts.register")
CREDENTIALS = query("accounts.credentials")
LOGGED_IN = query("accounts.logged_in")


@handles(Register)
async def register(ctx: Ctx, request: Register) -> Token:
    password_hash = await ctx.services.passwords.hash(request.password)
    async with ctx.db.tx() as tx:
        user = await tx.maybe(
            REGISTER,
            user_id=uuid7(),
            username=request.username,
            username_key=username_key(request.username),
            password_hash=password_hash,
            full_name=request.full_name,
        )
    if user is None:
        raise UsernameTaken(field="username")
    return token_for(ctx, user["user_id"], user["username"])


@handles(Login)
async def login(ctx: Ctx, request: Login) -> Token:
    async with ctx.db.read() as tx:
        user = await tx.maybe(CREDENTIALS, username_key=username_key(request.username))
    hashed = user["password_hash"] if user else None
    if not await ctx.services.passwords.matches(request.password, hashed) or user is None:
        raise WrongCredentials
    async with ctx.db.tx() as tx:
        await tx.run(LOGGED_IN, user_id=user["user_id"])
    return token_for(ctx, user["user_id"], user["username"])


def token_for(ctx: Ctx, user_id: UUID, username: str) -> Token:
    token, expires_at = ctx.services.tokens.issue(user_id)
    return Token(user_id=user_id, username=username, token=token, expires_at=expires_at)
