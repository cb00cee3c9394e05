"""The second factor: to have one, and to have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Conflict, NotFound
from lumina_protocol.totp import (
    BeginTotp,
    ConfirmTotp,
    GetTotp,
    RecoveryCodes,
    RemoveTotp,
    RenewRecoveryCodes,
    TotpBegun,
    TotpRemoved,
    TotpState,
)

from lumina_rt.logins import prove, still_proven
from lumina_rt.router import Ctx, handles
from lumina_rt.second_factor import Secret, check, new_recovery_codes, sealed
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

STATE = query("totp.state")
BEGIN = query("totp.begin")
LOCK = query("totp.lock")
REMOVE = query("totp.remove")
FORGET = query("totp.forget_recovery_codes")
NAME = query("accounts.name")


@handles(GetTotp)
async def get_totp(ctx: Ctx, request: GetTotp) -> TotpState:
    async with ctx.db.read() as tx:
        row = await tx.maybe(STATE, user_id=ctx.user_id)
    if row is None or not row["enabled"]:
        return TotpState(enabled=False, recovery_codes=0)
    return TotpState(enabled=True, recovery_codes=row["recovery_codes"])


@handles(BeginTotp)
async def begin_totp(ctx: Ctx, request: BeginTotp) -> TotpBegun:
    hashed = await prove(ctx, request.password)
    secret = Secret.new()
    async with ctx.db.tx() as tx:
        user = await tx.one(NAME, user_id=ctx.user_id)
        if not await tx.maybe(BEGIN, user_id=ctx.user_id, secret=sealed(ctx, ctx.user_id, secret)):
            raise Conflict("The second factor is on already; say totp.remove first.")
        await still_proven(ctx, tx, hashed)
    return TotpBegun(secret=secret.text, uri=secret.uri(user["username"]))


@handles(ConfirmTotp)
async def confirm_totp(ctx: Ctx, request: ConfirmTotp) -> RecoveryCodes:
    async with ctx.db.tx() as tx:
        row = await _begun(ctx, tx)
        if row["enabled"]:
            raise Conflict("The second factor is on already.")
        await check(ctx, tx, ctx.user_id, row, request.code)
        return RecoveryCodes(recovery_codes=await new_recovery_codes(tx, ctx.user_id))


@handles(RenewRecoveryCodes)
async def renew_recovery_codes(ctx: Ctx, request: RenewRecoveryCodes) -> RecoveryCodes:
    hashed = await prove(ctx, request.password)
    async with ctx.db.tx() as tx:
        row = await _enabled(ctx, tx)
        await check(ctx, tx, ctx.user_id, row, request.code)
        await still_proven(ctx, tx, hashed)
        return RecoveryCodes(recovery_codes=await new_recovery_codes(tx, ctx.user_id))


@handles(RemoveTotp)
async def remove_totp(ctx: Ctx, request: RemoveTotp) -> TotpRemoved:
    hashed = await prove(ctx, request.password)
    async with ctx.db.tx() as tx:
        row = await _enabled(ctx, tx)
        await check(ctx, tx, ctx.user_id, row, request.code)
        await still_proven(ctx, tx, hashed)
        await tx.run(FORGET, user_id=ctx.user_id)
        await tx.run(REMOVE, user_id=ctx.user_id)
    return TotpRemoved()


async def _begun(ctx: Ctx, tx: Tx) -> Row:
    row = await tx.maybe(LOCK, user_id=ctx.user_id)
    if row is None:
        raise NotFound("There is no second factor; say totp.begin first.")
    return row


async def _enabled(ctx: Ctx, tx: Tx) -> Row:
    row = await _begun(ctx, tx)
    if not row["enabled"]:
        raise NotFound("There is no second factor yet; say totp.confirm first.")
    return row
