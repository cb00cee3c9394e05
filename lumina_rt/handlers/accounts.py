"""Accounts: register, log in and out, and stay logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.accounts import LoggedOut, Login, Logout, Refresh, Register, Tokens
from lumina_protocol.errors import (
    AccountDeleted,
    InvalidToken,
    SessionEnded,
    UsernameTaken,
    WrongCredentials,
)
from lumina_protocol.fields import username_key, uuid7

from lumina_rt import second_factor
from lumina_rt.access import refuse_suspended
from lumina_rt.logins import Who, open_session, recognise, tokens, ttl
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query
from lumina_rt.tokens import Refresh as Used
from lumina_rt.tokens import digest
from lumina_rt.usernames import refuse_taken

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

REGISTER = query("accounts.register")
LOGGED_IN = query("accounts.logged_in")
LOCK = query("sessions.lock")
CURRENT = query("sessions.current")
ROTATE = query("sessions.rotate")
END = query("sessions.end")


@handles(Register)
async def register(ctx: Ctx, request: Register) -> Tokens:
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
        await refuse_taken(tx, user["user_id"], username_key(request.username))
        return await open_session(ctx, tx, Who(**user), request.device)


@handles(Login)
async def login(ctx: Ctx, request: Login) -> Tokens:
    user = await recognise(ctx, request.username, request.password)
    if user["deleted_until"]:
        raise AccountDeleted(until=user["deleted_until"])
    who = Who(user["user_id"], user["username"])
    async with ctx.db.tx() as tx:
        await second_factor.ask(ctx, tx, who.user_id, request.code)
        found = await tx.maybe(LOGGED_IN, user_id=who.user_id, password_hash=user["password_hash"])
        if found is None:
            raise WrongCredentials
        refuse_suspended(found)
        opened = await open_session(ctx, tx, who, request.device)
    ctx.services.sessions_ended()
    return opened


@handles(Refresh)
async def refresh(ctx: Ctx, request: Refresh) -> Tokens:
    used = ctx.services.refresh_tokens.read(request.refresh_token)
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, session_id=used.session_id)
        session = await tx.maybe(CURRENT, session_id=used.session_id)
        if session is not None:
            refuse_suspended(session)
        if session is None or not session["valid"]:
            raise SessionEnded(field="refresh_token")
        follower = await _follower(ctx, tx, used, request, session)
        if follower is None:
            await tx.one(END, session_id=used.session_id, user_id=session["user_id"])
    if follower is None:
        ctx.services.sessions_ended()
        ctx.services.telemetry.refresh_token_reused(used.session_id)
        raise SessionEnded(field="refresh_token")
    who = Who(session["user_id"], session["username"])
    renewed = tokens(ctx, who, used.session_id, follower)
    if ctx.line and ctx.session_id == used.session_id:
        ctx.line.ends_at(renewed.expires_at)
    return renewed


async def _follower(ctx: Ctx, tx: Tx, used: Used, request: Refresh, session: Row) -> str | None:
    """The token that follows the used one; none when it was used before, with another op_id."""
    candidates = ctx.services.refresh_tokens.followers(used, request.op_id)
    if digest(request.refresh_token) == session["token_digest"]:
        await tx.run(
            ROTATE,
            session_id=used.session_id,
            user_id=session["user_id"],
            token_digest=digest(candidates[0]),
            ttl=ttl(ctx),
            address=ctx.address or None,
        )
        return candidates[0]
    if used.generation > session["generation"]:
        raise InvalidToken(field="refresh_token")  # from a history that the database has lost
    return next((each for each in candidates if digest(each) == session["token_digest"]), None)


@handles(Logout)
async def logout(ctx: Ctx, request: Logout) -> LoggedOut:
    async with ctx.db.tx() as tx:
        await tx.maybe(END, session_id=ctx.login, user_id=ctx.user_id)
    ctx.services.sessions_ended()
    return LoggedOut()
