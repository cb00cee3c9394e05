"""Bans: who is kept out of a group, sent away if they are in it."""

from __future__ import annotations

from lumina_protocol.bans import Ban, BanChanged, BanMember, BanPage, ListBans, UnbanMember
from lumina_protocol.conversations import ConversationLeft
from lumina_protocol.errors import Invalid, NotFound
from lumina_protocol.messages import Note, Person

from lumina_rt import access, notes
from lumina_rt.once import once, request_digest
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

LOCK = query("conversations.lock")
USERNAME = query("blocks.username")
LOCK_MEMBER = query("receipts.lock")
REMOVE = query("members.remove")
REVOKE_INVITES = query("invites.revoke_of")
BAN = query("bans.ban")
UNBAN = query("bans.unban")
PAGE = query("bans.page")


@handles(BanMember)
@once
async def ban(ctx: Ctx, tx: Tx, request: BanMember) -> BanChanged:
    whom = {"conversation_id": request.conversation_id, "user_id": request.user_id}
    await tx.run(LOCK, conversation_id=request.conversation_id)
    await access.group_admin(tx, user_id=ctx.user_id, conversation_id=request.conversation_id)
    if request.user_id == ctx.user_id:
        raise Invalid("Nobody bans themselves.", field="user_id")
    if (user := await tx.maybe(USERNAME, user_id=request.user_id)) is None:
        raise NotFound("There is no such user.", field="user_id")
    if await tx.maybe(BAN, admin_id=ctx.user_id, **whom) is None:
        return BanChanged(changed=False)
    await tx.run(REVOKE_INVITES, **whom)
    await tx.run(LOCK_MEMBER, **whom)
    if (removed := await tx.maybe(REMOVE, **whom)) is None:
        return BanChanged(changed=True)
    access.may_send_away(removed["role"])
    return await _tell(ctx, tx, request, Person(**user))


async def _tell(ctx: Ctx, tx: Tx, request: BanMember, person: Person) -> BanChanged:
    text = f"{await notes.name(tx, ctx.user_id)} banned {person.username}."
    note = Note(kind="banned", people=[person])
    digest = request_digest(ctx.services.hash_key, request)
    where = request.conversation_id, ctx.user_id, request.op_id
    row = await notes.add(tx, *where, text, note, digest)
    left = ConversationLeft(conversation_id=request.conversation_id, rev=row["rev"])
    tx.tell(left, to=[person.user_id])
    return BanChanged(changed=True, seq=row["seq"], rev=row["rev"])


@handles(UnbanMember)
@once
async def unban(ctx: Ctx, tx: Tx, request: UnbanMember) -> BanChanged:
    whom = {"conversation_id": request.conversation_id, "user_id": request.user_id}
    await tx.run(LOCK, conversation_id=request.conversation_id)
    await access.group_admin(tx, user_id=ctx.user_id, conversation_id=request.conversation_id)
    return BanChanged(changed=await tx.maybe(UNBAN, **whom) is not None)


@handles(ListBans)
async def list_bans(ctx: Ctx, request: ListBans) -> BanPage:
    before_ms, before_id = request.before or (None, None)
    where = {"conversation_id": request.conversation_id}
    async with ctx.db.read() as tx:
        await access.group_admin(tx, user_id=ctx.user_id, **where)
        rows = await tx.all(
            PAGE, before_ms=before_ms, before_id=before_id, limit=request.limit + 1, **where
        )
    bans = [Ban(**row) for row in rows[: request.limit]]
    return BanPage(bans=bans, more=len(rows) > request.limit)
