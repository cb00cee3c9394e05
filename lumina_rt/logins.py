"""What every way to log in ends with: a session, and the tokens for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.accounts import Device, Tokens
from lumina_protocol.errors import Conflict, WrongCredentials
from lumina_protocol.fields import username_key, uuid7

from lumina_rt.router import Ctx
from lumina_rt.store.queries import query
from lumina_rt.tokens import digest

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

OPEN = query("sessions.open")
SUPERSEDE = query("sessions.supersede")
PUT_DEVICE = query("devices.put")
FORGET_DEVICES = query("devices.forget")
PASSWORD = query("accounts.password")
LOCK = query("accounts.lock")
CREDENTIALS = query("accounts.credentials")

MAX_SESSIONS = 100
"""Of a user; a new login ends the oldest one."""


@dataclass(frozen=True, slots=True)
class Who:
    user_id: UUID
    username: str


async def open_session(ctx: Ctx, tx: Tx, who: Who, device: Device | None) -> Tokens:
    """Raises Conflict when the device is another user's. Say `ctx.services.sessions_ended()` after
    the commit: the login that the device had before is over."""
    if device:
        put = await tx.maybe(PUT_DEVICE, user_id=who.user_id, **device.model_dump())
        if put is None:
            why = "Another account has this device_id; make one for each account of a device."
            raise Conflict(why, field="device.device_id")
    session_id, device_id = uuid7(), device.device_id if device else None
    refresh_token = ctx.services.refresh_tokens.first(session_id)
    await tx.run(
        OPEN,
        opened_id=session_id,
        user_id=who.user_id,
        device_id=device_id,
        address=ctx.address or None,
        ttl=ttl(ctx),
        token_digest=digest(refresh_token),
    )
    await tx.run(
        SUPERSEDE,
        session_id=session_id,
        user_id=who.user_id,
        device_id=device_id,
        keep=MAX_SESSIONS,
    )
    if device:
        await tx.run(FORGET_DEVICES, user_id=who.user_id, keep=MAX_SESSIONS)
    return tokens(ctx, who, session_id, refresh_token)


async def recognise(ctx: Ctx, username: str, password: str) -> Row:
    """A stranger, by name and password, also of an account that is hidden, suspended, or deleted
    and not gone yet. Whoever writes on the strength of it looks again that the password is still
    that one. Raises WrongCredentials, which takes as long for a name that nobody has."""
    async with ctx.db.read() as tx:
        user = await tx.maybe(CREDENTIALS, username_key=username_key(username))
    hashed = user["password_hash"] if user else None
    if not await ctx.services.passwords.matches(password, hashed) or user is None:
        raise WrongCredentials
    return user


async def hash_of(ctx: Ctx) -> str | None:
    """That of the user's own password."""
    async with ctx.db.read() as tx:
        row = await tx.maybe(PASSWORD, user_id=ctx.user_id)
    return row["password_hash"] if row else None


async def prove(ctx: Ctx, password: str) -> str:
    """The hash that the user's password fits. Raises WrongCredentials."""
    hashed = await hash_of(ctx)
    if not await ctx.services.passwords.matches(password, hashed) or hashed is None:
        raise wrong_password()
    return hashed


async def still_proven(ctx: Ctx, tx: Tx, hashed: str) -> None:
    """That the password was not changed since `prove`, nor is until the commit. Raises
    WrongCredentials."""
    row = await tx.maybe(LOCK, user_id=ctx.user_id)
    if row is None or row["password_hash"] != hashed:
        raise wrong_password()


def wrong_password() -> WrongCredentials:
    return WrongCredentials("The password is wrong.", field="password")


def ttl(ctx: Ctx) -> timedelta:
    """How long a login lasts that is not used."""
    return timedelta(days=ctx.services.session_days)


def tokens(ctx: Ctx, who: Who, session_id: UUID, refresh_token: str) -> Tokens:
    token, expires_at = ctx.services.access_tokens.issue(who.user_id, session_id)
    return Tokens(
        user_id=who.user_id,
        username=who.username,
        session_id=session_id,
        token=token,
        expires_at=expires_at,
        refresh_token=refresh_token,
    )
