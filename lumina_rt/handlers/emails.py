"""Whose address it is, proven by a mail; and a new password for who can read that mail.

Nobody learns here whether an address has an account: answers are the same, and come at the same
moments. The one who may know, the owner of the address, is told by mail.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.emails import (
    EmailChecked,
    Mailed,
    PasswordReset,
    RequestReset,
    ResetPassword,
    SetEmail,
    VerifyEmail,
)
from lumina_protocol.errors import InvalidToken, RateLimited
from lumina_protocol.fields import email_key

from lumina_rt.letters import ADDRESS, Purpose
from lumina_rt.logins import prove
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

ACCOUNT = query("emails.account")
LOCK_ADDRESS = query("emails.lock_address")
OWNER = query("emails.owner")
BY_ADDRESS = query("emails.by_address")
ASKED = query("emails.asked")
REPLACE_TOKENS = query("emails.replace_tokens")
KEEP_TOKEN = query("emails.keep_token")
TOKEN = query("emails.token")
USE_TOKEN = query("emails.use_token")
VERIFIED = query("emails.verified")
SET_PASSWORD = query("emails.set_password")
END_ALL = query("sessions.end_all")

PENDING = "account_tokens.email"
CONFIRM, RESET = ["verify_email", "change_email"], ["reset_password"]
CONFIRM_TTL_S, RESET_TTL_S = 24 * 3600, 3600
LINKS_PER_HOUR = 5
ANSWER_EVERY_S = 0.25
"""Answers that must not tell anything come at multiples of this time, which is far above what the
database takes for one mail more."""
RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class Link:
    """What is mailed: whose it is, so that it is found where they are kept, and 32 random bytes."""

    user_id: UUID
    random: bytes

    @property
    def token(self) -> str:
        return base64.urlsafe_b64encode(self.user_id.bytes + self.random).decode()

    @property
    def digest(self) -> bytes:
        """What is kept. No salt and nothing slow: 256 random bits cannot be guessed."""
        return hashlib.sha256(self.random).digest()


def new_link(user_id: UUID) -> Link:
    return Link(user_id, secrets.token_bytes(RANDOM_BYTES))


def read_link(token: str) -> Link:
    """Raises InvalidToken."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise bad_link() from None
    if len(raw) != 16 + RANDOM_BYTES:
        raise bad_link()
    return Link(UUID(bytes=raw[:16]), raw[16:])


def bad_link() -> InvalidToken:
    text = "The link was used, replaced by a newer one, or is too old; ask for another."
    return InvalidToken(text, field="token")


@handles(SetEmail)
async def set_email(ctx: Ctx, request: SetEmail) -> Mailed:
    letters = ctx.services.letters
    letters.require()
    await prove(ctx, request.password)
    async with answered_in_time(ctx), ctx.db.tx() as tx:
        me = await account(tx, ctx.user_id)
        asked = await tx.one(ASKED, user_id=ctx.user_id, purposes=CONFIRM)
        if asked["links"] >= LINKS_PER_HOUR:
            raise RateLimited(limit="mail", retry_after_ms=asked["wait_ms"])
        owner = await other_owner(ctx, tx, request.email, me["user_id"])
        purpose: Purpose = "change_email" if me["email"] else "verify_email"
        # Also when it is mailed to nobody: how many may be asked for must not tell either.
        link = new_link(ctx.user_id)
        await keep(ctx, tx, link, purpose, CONFIRM_TTL_S, request.email)
        if owner is None:
            await letters.confirm(tx, ctx.user_id, purpose, request.email, link.token)
        else:
            await tell_owner(ctx, tx, owner)
    return Mailed()


@handles(VerifyEmail)
async def verify_email(ctx: Ctx, request: VerifyEmail) -> EmailChecked:
    link = read_link(request.token)
    keyring = ctx.services.keyring
    async with answered_in_time(ctx), ctx.db.tx() as tx:
        before = await account(tx, link.user_id)
        email = keyring.open(await use(tx, link, CONFIRM), PENDING, link.digest)
        await tx.run(LOCK_ADDRESS, indexes=keyring.indexes(email_key(email)))
        owner = await other_owner(ctx, tx, email, link.user_id)
        if owner is None:
            await tx.run(
                VERIFIED,
                user_id=link.user_id,
                email=keyring.seal(email, ADDRESS, link.user_id),
                email_index=keyring.index(email_key(email)),
            )
            # A link to the former address must not get anybody in.
            await tx.run(REPLACE_TOKENS, user_id=link.user_id, purposes=RESET)
            if before["email"]:
                to = keyring.open(before["email"], ADDRESS, link.user_id)
                await ctx.services.letters.changed(tx, link.user_id, before["username"], to)
        else:
            await tell_owner(ctx, tx, owner)
    return EmailChecked()


@handles(RequestReset)
async def request_reset(ctx: Ctx, request: RequestReset) -> Mailed:
    keyring, letters = ctx.services.keyring, ctx.services.letters
    letters.require()
    async with answered_in_time(ctx), ctx.db.tx() as tx:
        user = await tx.maybe(BY_ADDRESS, indexes=keyring.indexes(email_key(request.email)))
        # When it was mailed too often, the newest link goes on working.
        if user and await letters.may_mail(tx, user["user_id"], "reset_password"):
            link = new_link(user["user_id"])
            await keep(ctx, tx, link, "reset_password", RESET_TTL_S)
            to = keyring.open(user["email"], ADDRESS, user["user_id"])
            await letters.reset(tx, user["user_id"], user["username"], to, link.token)
    return Mailed()


@handles(ResetPassword)
async def reset_password(ctx: Ctx, request: ResetPassword) -> PasswordReset:
    link = read_link(request.token)
    user_id = link.user_id
    async with ctx.db.read() as tx:  # before bcrypt: strangers could have it run for nothing
        if not await tx.maybe(TOKEN, user_id=user_id, token_digest=link.digest, purposes=RESET):
            raise bad_link()
    hashed = await ctx.services.passwords.hash(request.password)
    async with ctx.db.tx() as tx:
        await account(tx, user_id)
        await use(tx, link, RESET)
        await tx.run(SET_PASSWORD, user_id=user_id, password_hash=hashed)
        await tx.run(END_ALL, user_id=user_id)
        # Somebody else may have asked for them, while they were logged in.
        await tx.run(REPLACE_TOKENS, user_id=user_id, purposes=CONFIRM + RESET)
    ctx.services.sessions_ended()
    return PasswordReset()


async def account(tx: Tx, user_id: UUID) -> Row:
    """Locked until the transaction ends. Raises InvalidToken when it is gone."""
    row = await tx.maybe(ACCOUNT, user_id=user_id)
    if row is None:
        raise InvalidToken("The account of this token is gone.", field="token")
    return row


async def other_owner(ctx: Ctx, tx: Tx, email: str, user_id: UUID) -> Row | None:
    """Who else has this address, under whichever key of the ring."""
    owner = await tx.maybe(OWNER, indexes=ctx.services.keyring.indexes(email_key(email)))
    return None if owner is None or owner["user_id"] == user_id else owner


async def tell_owner(ctx: Ctx, tx: Tx, owner: Row) -> None:
    to = ctx.services.keyring.open(owner["email"], ADDRESS, owner["user_id"])
    await ctx.services.letters.taken(tx, owner["user_id"], owner["username"], to)


async def keep(
    ctx: Ctx, tx: Tx, link: Link, purpose: Purpose, ttl_s: int, email: str | None = None
) -> None:
    """In the place of all older ones of its kind."""
    alike = CONFIRM if purpose in CONFIRM else RESET
    await tx.run(REPLACE_TOKENS, user_id=link.user_id, purposes=alike)
    sealed = ctx.services.keyring.seal(email, PENDING, link.digest) if email else None
    await tx.run(
        KEEP_TOKEN,
        token_digest=link.digest,
        user_id=link.user_id,
        purpose=purpose,
        email=sealed,
        ttl_s=ttl_s,
    )


async def use(tx: Tx, link: Link, purposes: list[str]) -> bytes:
    """The sealed address that it was for, if any. Raises InvalidToken."""
    spent = await tx.maybe(
        USE_TOKEN, user_id=link.user_id, token_digest=link.digest, purposes=purposes
    )
    if spent is None:
        raise bad_link()
    email: bytes = spent["email"]
    return email


def answered_after(took_s: float) -> float:
    return math.ceil(took_s / ANSWER_EVERY_S) * ANSWER_EVERY_S


@asynccontextmanager
async def answered_in_time(ctx: Ctx) -> AsyncIterator[None]:
    """Whatever the block does, it seems to take a multiple of ANSWER_EVERY_S."""
    clock = time.perf_counter  # the loop's own is as old as its turn
    began = clock()
    try:
        yield
    finally:
        ctx.services.letters.posted.set()
        until = began + answered_after(clock() - began)
        for _ in range(2):  # a timer of a busy loop may be early
            await asyncio.sleep(max(until - clock(), 0))
