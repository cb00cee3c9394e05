"""Accounts after they were made: another password, another name, a pause, the end, and back."""

from __future__ import annotations

from datetime import timedelta

from lumina_protocol.errors import Conflict, RateLimited, UsernameTaken, WrongCredentials
from lumina_protocol.fields import username_key
from lumina_protocol.lifecycle import (
    ChangePassword,
    ChangeUsername,
    Deactivate,
    Deactivated,
    DeleteAccount,
    Deletion,
    PasswordChanged,
    RestoreAccount,
    Restored,
    UsernameChanged,
)

from lumina_rt import posting, second_factor
from lumina_rt.logins import hash_of, prove, recognise, wrong_password
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query
from lumina_rt.usernames import lock_told, refuse_taken, tell_renamed

LOCK = query("lifecycle.lock")
SET_PASSWORD = query("lifecycle.set_password")
RENAME = query("lifecycle.rename")
GIVE_UP = query("lifecycle.give_up")
TAKE_BACK = query("lifecycle.take_back")
END_ALL = query("sessions.end_all")
DEACTIVATE = query("lifecycle.deactivate")
DELETE = query("lifecycle.delete")
RESTORE = query("lifecycle.restore")
END_OTHERS = query("sessions.end_others")


@handles(ChangePassword)
async def change_password(ctx: Ctx, request: ChangePassword) -> PasswordChanged:
    passwords, hashed = ctx.services.passwords, await hash_of(ctx)
    changed = await passwords.matches(request.password, hashed)
    # Who has not got the answer of a first try asks with the password of before.
    if not changed and not await passwords.matches(request.new_password, hashed):
        raise wrong_password()
    new_hash = await passwords.hash(request.new_password)
    async with ctx.db.tx() as tx:
        key = {"user_id": ctx.user_id, "password_hash": hashed}
        if await tx.maybe(SET_PASSWORD, new_hash=new_hash, **key) is None:
            raise wrong_password()
        ended = await tx.all(END_OTHERS, user_id=ctx.user_id, kept=ctx.login)
    ctx.services.sessions_ended()
    return PasswordChanged(ended=len(ended))


@handles(ChangeUsername)
async def change_username(ctx: Ctx, request: ChangeUsername) -> UsernameChanged:
    if request.password is not None:
        await prove(ctx, request.password)
    try:
        await _rename(ctx, request.username)
    except Conflict:  # of two who want one name at once, the second meets the first in the index
        raise UsernameTaken(field="username") from None
    return UsernameChanged(username=request.username)


async def _rename(ctx: Ctx, username: str) -> None:
    user_id, key = ctx.user_id, username_key(username)
    async with ctx.db.tx() as tx:
        # As whoever tells the user something: first what numbers it, then what that refers to.
        await lock_told(tx, user_id)
        before = await tx.one(LOCK, user_id=user_id)
        if before["username"] == username:
            return
        if (before["wait_ms"] or 0) > 0:
            raise RateLimited(
                "A name can be changed once in 7 days.",
                retry_after_ms=before["wait_ms"],
                limit="username",
            )
        await tx.run(RENAME, user_id=user_id, username=username, username_key=key)
        if key != before["username_key"]:
            await tx.run(GIVE_UP, user_id=user_id, username_key=before["username_key"])
            await tx.run(TAKE_BACK, user_id=user_id, username_key=key)
        await refuse_taken(tx, user_id, key)
        await tell_renamed(tx, user_id, username)


@handles(Deactivate)
async def deactivate(ctx: Ctx, request: Deactivate) -> Deactivated:
    hashed = await prove(ctx, request.password)
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, user_id=ctx.user_id)
        if await tx.maybe(DEACTIVATE, user_id=ctx.user_id, password_hash=hashed) is None:
            raise wrong_password()
        await tx.run(END_ALL, user_id=ctx.user_id)
        tx.sees_changed(ctx.user_id)
        await posting.touch_topics_of(tx, ctx.user_id)
    ctx.services.sessions_ended()
    return Deactivated()


@handles(DeleteAccount)
async def delete(ctx: Ctx, request: DeleteAccount) -> Deletion:
    hashed = await prove(ctx, request.password)
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, user_id=ctx.user_id)
        deleted = await tx.maybe(
            DELETE,
            user_id=ctx.user_id,
            password_hash=hashed,
            reason=request.reason,
            keep=timedelta(days=ctx.services.delete_after_days),
        )
        if deleted is None:
            raise wrong_password()
        await tx.run(END_ALL, user_id=ctx.user_id)
        tx.sees_changed(ctx.user_id)
        await posting.touch_topics_of(tx, ctx.user_id)
    ctx.services.sessions_ended()
    return Deletion(until=deleted["until"])


@handles(RestoreAccount)
async def restore(ctx: Ctx, request: RestoreAccount) -> Restored:
    user = await recognise(ctx, request.username, request.password)
    if user["deleted_until"] is None:  # a second try, of which the first one has done it
        return Restored(user_id=user["user_id"], username=user["username"])
    async with ctx.db.tx() as tx:
        await second_factor.ask(ctx, tx, user["user_id"], request.code)
        key = {"user_id": user["user_id"], "password_hash": user["password_hash"]}
        restored = await tx.maybe(RESTORE, **key)
        await posting.touch_topics_of(tx, user["user_id"])
    if restored is None:
        raise WrongCredentials
    return Restored(**restored)
