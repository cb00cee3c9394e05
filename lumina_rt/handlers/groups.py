"""Groups: who may do what in one, and how it shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Forbidden, NotFound
from lumina_protocol.groups import ChangeConversation, GroupChanged, SetRole
from lumina_protocol.members import MembersChanged
from lumina_protocol.messages import GroupLook, Note, Person

from lumina_rt import access, notes
from lumina_rt.once import once, request_digest
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from uuid import UUID

    from lumina_rt.store.db import Row

LOCK = query("conversations.lock")
ROLE = query("groups.role")
OTHER_OWNER = query("groups.other_owner")
SET_ROLE = query("groups.set_role")
LOOK = query("groups.look")
CHANGE = query("groups.change")
OWN_PICTURE = query("groups.own_picture")
REFER_TO_PICTURE = query("groups.refer_to_picture")


@handles(SetRole)
@once
async def set_role(ctx: Ctx, tx: Tx, request: SetRole) -> MembersChanged:
    conversation_id, role = request.conversation_id, request.role
    whom = {"conversation_id": conversation_id, "user_id": request.user_id}
    await tx.run(LOCK, conversation_id=conversation_id)
    own = await access.group_admin(tx, user_id=ctx.user_id, conversation_id=conversation_id)
    member = await tx.maybe(ROLE, **whom)
    if member is None:
        raise NotFound("There is no such member.", field="user_id")
    if member["role"] == role:
        return MembersChanged(user_ids=[])
    access.may_set_role(own["role"], member["role"], role)
    await _refuse_without_owner(tx, whom, member, role)
    await tx.run(SET_ROLE, member_role=role, **whom)
    row = await _note_role(ctx, tx, request)
    return MembersChanged(user_ids=[request.user_id], seq=row["seq"], rev=row["rev"])


async def _refuse_without_owner(tx: Tx, whom: dict[str, UUID], member: Row, role: str) -> None:
    if role != "member" and member["is_gone"]:
        raise Forbidden("This account was deleted.", field="user_id")
    if member["role"] == "owner" and await tx.maybe(OTHER_OWNER, **whom) is None:
        why = "A group needs an owner: make somebody else one first, or leave."
        raise Forbidden(why, field="role")


async def _note_role(ctx: Ctx, tx: Tx, request: SetRole) -> Row:
    role = "a member" if request.role == "member" else f"an {request.role}"
    by, whom = await notes.name(tx, ctx.user_id), await notes.name(tx, request.user_id)
    steps_down = request.user_id == ctx.user_id
    text = f"{by} is {role} now." if steps_down else f"{by} made {whom} {role}."
    person = Person(user_id=request.user_id, username=whom)
    note = Note(kind="role", people=[person], role=request.role)
    digest = request_digest(ctx.services.hash_key, request)
    where = request.conversation_id, ctx.user_id, request.op_id
    return await notes.add(tx, *where, text, note, digest)


@handles(ChangeConversation)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeConversation) -> GroupChanged:
    conversation_id, media_id = request.conversation_id, request.picture_media_id
    await tx.run(LOCK, conversation_id=conversation_id)
    await access.group_admin(tx, user_id=ctx.user_id, conversation_id=conversation_id)
    before = GroupLook(**await tx.one(LOOK, conversation_id=conversation_id))
    if media_id not in (None, before.picture_media_id):
        await _refuse_others_picture(ctx, tx, media_id)
    row = await tx.one(
        CHANGE,
        conversation_id=conversation_id,
        title=request.title,
        description=request.description,
        media_id=media_id,
        remove_picture=request.remove_picture,
        slow_mode_s=request.slow_mode_s,
        who_may_send=request.who_may_send,
    )
    after = GroupLook(**row)
    if after == before:
        return GroupChanged()
    if after.picture_media_id != before.picture_media_id:
        where = {"conversation_id": conversation_id, "media_id": after.picture_media_id}
        await tx.run(REFER_TO_PICTURE, **where)
    text = f"{await notes.name(tx, ctx.user_id)} changed {_changed(before, after)}."
    note = Note(kind="changed", group=after)
    digest = request_digest(ctx.services.hash_key, request)
    told = await notes.add(tx, conversation_id, ctx.user_id, request.op_id, text, note, digest)
    return GroupChanged(seq=told["seq"], rev=told["rev"])


async def _refuse_others_picture(ctx: Ctx, tx: Tx, media_id: UUID | None) -> None:
    if await tx.maybe(OWN_PICTURE, media_id=media_id, user_id=ctx.user_id) is None:
        why = "There is no such image of yours, or it is not ready."
        raise NotFound(why, field="picture_media_id")


def _changed(before: GroupLook, after: GroupLook) -> str:
    """In words; the values are in the note."""
    names = {
        "title": f'the title to "{after.title}"',
        "description": "the description",
        "picture_media_id": "the picture",
        "slow_mode_s": f"slow mode to {_pause(after.slow_mode_s)}",
        "who_may_send": f"who may send to {after.who_may_send}",
    }
    return notes.listed(
        words for name, words in names.items() if getattr(before, name) != getattr(after, name)
    )


def _pause(seconds: int) -> str:
    return f"{seconds} s" if seconds else "off"
