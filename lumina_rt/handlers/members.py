"""Members of groups: open one with some, bring more in, leave, send somebody away.

What happens is noted in the conversation as a message of its own, so it has its place among the
others, live and after a resume. Who comes or goes is told in their own stream.
"""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.conversations import (
    ConversationCreated,
    ConversationJoined,
    ConversationLeft,
    ConversationReply,
)
from lumina_protocol.errors import Banned, Conflict, Forbidden, Invalid, NotFound
from lumina_protocol.fields import username_key
from lumina_protocol.members import AddMembers, CreateGroup, MembersChanged, RemoveMember
from lumina_protocol.messages import Note, Person

from lumina_rt import access, notes
from lumina_rt.notifying import Cause, notify
from lumina_rt.once import once, request_digest
from lumina_rt.pages import describe
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

CREATE_GROUP = query("conversations.create_group")
LOCK = query("conversations.lock")
BY_USERNAMES = query("members.by_usernames")
ADD = query("members.add")
COUNT = query("members.count")
LOCK_MEMBER = query("receipts.lock")
"""Before they go, so that what they do there meanwhile is told before that, or refused."""
REMOVE = query("members.remove")
BANNED = query("bans.among")
HEIR = query("members.heir")
DIGEST = query("messages.digest")


@handles(CreateGroup)
async def create(ctx: Ctx, request: CreateGroup) -> ConversationReply:
    conversation_id, user_id = request.conversation_id, ctx.user_id
    digest = request_digest(ctx.services.hash_key, request)
    async with ctx.db.tx() as tx:
        if await tx.maybe(CREATE_GROUP, conversation_id=conversation_id, title=request.title):
            others = await _find(tx, user_id, request.usernames)
            await _add(tx, conversation_id, user_id, [user_id], "owner")
            added = await _add(tx, conversation_id, user_id, list(others))
            note = Note(kind="created", people=_people(others, added), owner_id=user_id)
            text = f"{await notes.name(tx, user_id)} opened the group."
            await notes.add(tx, conversation_id, user_id, conversation_id, text, note, digest)
            conversation = await describe(tx, user_id, conversation_id)
            tx.tell(ConversationCreated(conversation=conversation), to=[user_id, *added])
            await notify(tx, _invited(user_id, added, conversation_id))
            return ConversationReply(conversation=conversation, created=True)
    async with ctx.db.read() as tx:
        first = await tx.maybe(DIGEST, conversation_id=conversation_id, message_id=conversation_id)
        if first is None or (first["sender_id"], first["content_digest"]) != (user_id, digest):
            raise Conflict(field="conversation_id")
        await access.member(tx, user_id=user_id, conversation_id=conversation_id)
        conversation = await describe(tx, user_id, conversation_id)
    return ConversationReply(conversation=conversation, created=False)


@handles(AddMembers)
@once
async def add(ctx: Ctx, tx: Tx, request: AddMembers) -> MembersChanged:
    conversation_id, user_id = request.conversation_id, ctx.user_id
    await tx.run(LOCK, conversation_id=conversation_id)
    await access.group_admin(tx, user_id=user_id, conversation_id=conversation_id)
    found = await _find(tx, user_id, request.usernames)
    if await tx.maybe(BANNED, conversation_id=conversation_id, user_ids=list(found)) is not None:
        raise Banned(field="usernames")
    added = await _add(tx, conversation_id, user_id, list(found))
    if not added:
        return MembersChanged(user_ids=[])
    note = Note(kind="added", people=_people(found, added))
    names = [person.username for person in note.people]
    text = f"{await notes.name(tx, user_id)} added {notes.listed(names)}."
    row = await notes.add(
        tx,
        conversation_id,
        user_id,
        request.op_id,
        text,
        note,
        request_digest(ctx.services.hash_key, request),
    )
    conversation = await describe(tx, added[0], conversation_id)
    tx.tell(ConversationJoined(conversation=conversation), to=added)
    await notify(tx, _invited(user_id, added, conversation_id))
    return MembersChanged(user_ids=added, seq=row["seq"], rev=row["rev"])


@handles(RemoveMember)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemoveMember) -> MembersChanged:
    conversation_id, user_id = request.conversation_id, ctx.user_id
    await tx.run(LOCK, conversation_id=conversation_id)
    conversation = await access.member(tx, user_id=user_id, conversation_id=conversation_id)
    if conversation["conversation_type"] != "group":
        raise Forbidden("Nobody leaves a direct conversation.", field="conversation_id")
    leaves = request.user_id == user_id
    if not leaves:
        await access.group_admin(tx, user_id=user_id, conversation_id=conversation_id)
    await tx.run(LOCK_MEMBER, conversation_id=conversation_id, user_id=request.user_id)
    removed = await tx.maybe(REMOVE, conversation_id=conversation_id, user_id=request.user_id)
    if removed is None:
        return MembersChanged(user_ids=[])
    if not leaves:
        access.may_send_away(removed["role"])
    heir = await tx.maybe(HEIR, conversation_id=conversation_id, leaver_id=request.user_id)
    whom = await notes.name(tx, request.user_id)
    text = f"{whom} left." if leaves else f"{await notes.name(tx, user_id)} removed {whom}."
    note = Note(
        kind="left" if leaves else "removed",
        people=[Person(user_id=request.user_id, username=whom)],
        owner_id=heir["user_id"] if heir else None,
    )
    row = await notes.add(
        tx,
        conversation_id,
        user_id,
        request.op_id,
        text,
        note,
        request_digest(ctx.services.hash_key, request),
    )
    left = ConversationLeft(conversation_id=conversation_id, rev=row["rev"])
    tx.tell(left, to=[request.user_id])
    return MembersChanged(user_ids=[request.user_id], seq=row["seq"], rev=row["rev"])


def _invited(user_id: UUID, added: list[UUID], conversation_id: UUID) -> Cause:
    return Cause(
        "system",
        added,
        f"added:{conversation_id}",
        "added you to a group",
        actor_id=user_id,
        conversation_id=conversation_id,
    )


async def _find(tx: Tx, user_id: UUID, usernames: list[str]) -> dict[UUID, str]:
    """Names by id. Raises NotFound, also for who has blocked the user: that is not told."""
    keys = {username_key(name): name for name in usernames}
    rows = await tx.all(BY_USERNAMES, username_keys=list(keys), user_id=user_id)
    for row in rows:
        keys.pop(row["username_key"])
    if keys:
        raise NotFound(f"There is no user {next(iter(keys.values()))!r}.", field="usernames")
    return {row["user_id"]: row["username"] for row in rows}


def _people(names: dict[UUID, str], user_ids: list[UUID]) -> list[Person]:
    return [Person(user_id=user_id, username=names[user_id]) for user_id in user_ids]


async def _add(
    tx: Tx, conversation_id: UUID, inviter_id: UUID, user_ids: list[UUID], role: str = "member"
) -> list[UUID]:
    """Those who were not in it before. Raises Invalid when they would be too many."""
    rows = await tx.all(
        ADD,
        conversation_id=conversation_id,
        inviter_id=inviter_id,
        user_ids=user_ids,
        roles=[role] * len(user_ids),
    )
    if (await tx.one(COUNT, conversation_id=conversation_id))["count"] > access.MAX_MEMBERS:
        raise Invalid(f"A group has at most {access.MAX_MEMBERS:,} members.", field="usernames")
    return [row["user_id"] for row in rows]
