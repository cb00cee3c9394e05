"""Links to groups: made, listed, revoked, looked at, and joined by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.conversations import ConversationJoined
from lumina_protocol.errors import Banned, Conflict, Full, Gone, LuminaError, NotFound
from lumina_protocol.invites import (
    CreateInvite,
    GroupJoined,
    Invite,
    InviteCreated,
    InviteList,
    InviteRevoked,
    InviteSeen,
    JoinConversation,
    ListInvites,
    LookAtInvite,
    RevokeInvite,
)
from lumina_protocol.messages import Note, Person

from lumina_rt import access, notes
from lumina_rt.once import once, request_digest
from lumina_rt.pages import describe
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query
from lumina_rt.tokens import digest, new_invite_code

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK = query("conversations.lock")
CREATE = query("invites.create")
LIST = query("invites.list")
REVOKE = query("invites.revoke")
FIND = query("invites.find")
LOOK = query("invites.look")
JOIN = query("invites.join")
CAME = query("invites.came")
HEIR = query("members.heir")

MAX_INVITES = 50
"""Of a group, that are open."""


@handles(CreateInvite)
async def create(ctx: Ctx, request: CreateInvite) -> InviteCreated:
    code = new_invite_code()
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    async with ctx.db.tx() as tx:
        await tx.run(LOCK, conversation_id=request.conversation_id)
        await access.group_admin(tx, **where)
        made = await tx.maybe(
            CREATE,
            invite_id=request.invite_id,
            code_digest=digest(code),
            max_uses=request.max_uses,
            expires_ms=request.expires_at,
            limit=MAX_INVITES,
            **where,
        )
    if made is None:
        why = f"This link was made before, or the group has {MAX_INVITES} already: revoke one."
        raise Conflict(why, field="invite_id")
    return InviteCreated(code=code, invite=Invite(**made))


@handles(ListInvites)
async def list_invites(ctx: Ctx, request: ListInvites) -> InviteList:
    where = {"conversation_id": request.conversation_id}
    async with ctx.db.read() as tx:
        await access.group_admin(tx, user_id=ctx.user_id, **where)
        rows = await tx.all(LIST, **where)
    return InviteList(invites=[Invite(**row) for row in rows])


@handles(RevokeInvite)
async def revoke(ctx: Ctx, request: RevokeInvite) -> InviteRevoked:
    where = {"conversation_id": request.conversation_id}
    async with ctx.db.tx() as tx:
        await tx.run(LOCK, **where)
        await access.group_admin(tx, user_id=ctx.user_id, **where)
        if await tx.maybe(REVOKE, invite_id=request.invite_id, **where) is None:
            raise NotFound("The group has no such link.", field="invite_id")
    return InviteRevoked()


@handles(LookAtInvite)
async def look(ctx: Ctx, request: LookAtInvite) -> InviteSeen:
    async with ctx.db.read() as tx:
        invite = await _find(tx, request.code)
        row = await tx.one(LOOK, user_id=ctx.user_id, most=access.MAX_MEMBERS, **invite)
    if row["status"] not in ("open", "member"):
        raise _closed(row["status"])
    return InviteSeen(**row)


@handles(JoinConversation)
@once
async def join(ctx: Ctx, tx: Tx, request: JoinConversation) -> GroupJoined:
    invite, user_id = await _find(tx, request.code), ctx.user_id
    conversation_id = invite["conversation_id"]
    await tx.run(LOCK, conversation_id=conversation_id)
    row = await tx.one(JOIN, user_id=user_id, most=access.MAX_MEMBERS, **invite)
    if row["status"] == "member":
        came = await tx.one(CAME, user_id=user_id, conversation_id=conversation_id)
        return GroupJoined(conversation_id=conversation_id, **came)
    if row["status"] != "open":
        raise _closed(row["status"])
    person = Person(user_id=user_id, username=await notes.name(tx, user_id))
    key = request_digest(ctx.services.hash_key, request)
    # All may have left it before the link was revoked.
    heir = await tx.maybe(HEIR, conversation_id=conversation_id, leaver_id=None)
    note = Note(kind="joined", people=[person], owner_id=heir["user_id"] if heir else None)
    text = f"{person.username} joined."
    told = await notes.add(tx, conversation_id, user_id, request.op_id, text, note, key)
    conversation = await describe(tx, user_id, conversation_id)
    tx.tell(ConversationJoined(conversation=conversation), to=[user_id])
    return GroupJoined(conversation_id=conversation_id, seq=told["seq"], rev=told["rev"])


async def _find(tx: Tx, code: str) -> Row:
    """Its id and that of its group. Raises NotFound."""
    invite = await tx.maybe(FIND, code_digest=digest(code))
    if invite is None:
        raise NotFound("There is no such link.", field="code")
    return invite


def _closed(status: str) -> LuminaError:
    """What `invite_status` says, as an error."""
    match status:
        case "banned":
            return Banned(field="code")
        case "full":
            return Full(field="code")
        case "used_up":
            return Gone("As many as could have joined by this link.", field="code")
    return Gone(
        f"This link was {status}." if status == "revoked" else "This link has expired.",
        field="code",
    )
