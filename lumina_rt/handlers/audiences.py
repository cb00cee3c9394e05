"""Audiences: made, named, filled, listed. Who blocks somebody loses them in theirs, see
lumina_rt/following.py."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.audiences import (
    AddToAudience,
    Audience,
    AudienceChanged,
    AudienceKept,
    AudienceList,
    AudienceMembers,
    ChangeAudience,
    CreateAudience,
    ListAudienceMembers,
    ListAudiences,
    RemoveAudience,
    TakeFromAudience,
)
from lumina_protocol.errors import Conflict, Full, NotFound
from lumina_protocol.follows import Follower

from lumina_rt import following
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

MAX_AUDIENCES = 100
MAX_MEMBERS = 5000

LOCK_PAIRS = query("audiences.lock_pairs")
LOCK_ACCOUNT = query("settings.lock")
LOCK = query("audiences.lock")
OWNED = query("audiences.owned")
NAMED = query("audiences.named")
CREATE = query("audiences.create")
RENAME = query("audiences.rename")
IN_USE = query("audiences.in_use")
REMOVE = query("audiences.remove")
UNKNOWN = query("audiences.unknown")
ADD = query("audiences.add")
TAKE = query("audiences.take")
ONE = query("audiences.one")
LIST = query("audiences.list")
MEMBERS = query("audiences.members")


@handles(CreateAudience)
@once
async def create(ctx: Ctx, tx: Tx, request: CreateAudience) -> AudienceKept:
    await tx.run(LOCK_ACCOUNT, user_id=ctx.user_id)
    count = await _refuse_named(ctx, tx, request.audience_id, request.name)
    if count >= MAX_AUDIENCES:
        raise Full(f"A user has at most {MAX_AUDIENCES} audiences.")
    made = {"new_audience_id": request.audience_id, "name": request.name}
    await tx.run(CREATE, user_id=ctx.user_id, **made)
    await _tell(ctx, tx, request.audience_id)
    return AudienceKept(changed=True)


@handles(ChangeAudience)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeAudience) -> AudienceKept:
    await tx.run(LOCK_ACCOUNT, user_id=ctx.user_id)
    await _lock(ctx, tx, request.audience_id)
    await _refuse_named(ctx, tx, request.audience_id, request.name)
    key = {"audience_id": request.audience_id, "user_id": ctx.user_id}
    row = await tx.maybe(RENAME, name=request.name, **key)
    if row:
        await _tell(ctx, tx, request.audience_id)
    return AudienceKept(changed=row is not None)


@handles(RemoveAudience)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemoveAudience) -> AudienceKept:
    key = {"audience_id": request.audience_id, "user_id": ctx.user_id}
    if await tx.maybe(LOCK, **key) is None:
        return AudienceKept(changed=False)
    if (await tx.one(IN_USE, **key))["in_use"]:
        raise Conflict("Posts are for this audience.", field="audience_id")
    await tx.run(REMOVE, **key)
    tx.tell(AudienceChanged(audience_id=request.audience_id), to=[ctx.user_id])
    return AudienceKept(changed=True)


@handles(AddToAudience)
@once
async def add(ctx: Ctx, tx: Tx, request: AddToAudience) -> AudienceKept:
    people = {"user_id": ctx.user_id, "user_ids": request.member_ids}
    await tx.run(LOCK_PAIRS, **people)
    await _lock(ctx, tx, request.audience_id)
    if await tx.all(UNKNOWN, **people):
        raise NotFound("One of them is nobody, or not for you.", field="member_ids")
    where = {"audience_id": request.audience_id, "user_ids": request.member_ids}
    rows = await tx.all(ADD, **where)
    if not rows:
        return AudienceKept(changed=False)
    since = {row["user_id"]: row["since"] for row in rows}
    named = await following.people(tx, list(since))
    added = [Follower(**named[id_], since=since[id_]) for id_ in since if id_ in named]
    audience = await _tell(ctx, tx, request.audience_id, added)
    if audience.member_count > MAX_MEMBERS:
        raise Full(f"An audience has at most {MAX_MEMBERS:,} members.")
    return AudienceKept(changed=True)


@handles(TakeFromAudience)
@once
async def take(ctx: Ctx, tx: Tx, request: TakeFromAudience) -> AudienceKept:
    await _lock(ctx, tx, request.audience_id)
    rows = await tx.all(TAKE, audience_id=request.audience_id, user_ids=request.member_ids)
    if rows:
        taken = [row["user_id"] for row in rows]
        await following.tell_taken(tx, ctx.user_id, request.audience_id, taken)
        ctx.shows_changed(tx, *taken)
    return AudienceKept(changed=bool(rows))


async def _lock(ctx: Ctx, tx: Tx, audience_id: UUID) -> None:
    if await tx.maybe(LOCK, audience_id=audience_id, user_id=ctx.user_id) is None:
        raise _not_found()


def _not_found() -> NotFound:
    return NotFound("You have no such audience.", field="audience_id")


async def _refuse_named(ctx: Ctx, tx: Tx, audience_id: UUID, name: str) -> int:
    """How many audiences there are. Raises Conflict when another one has this name."""
    named = await tx.one(NAMED, user_id=ctx.user_id, audience_id=audience_id, name=name)
    if named["taken"]:
        raise Conflict("Another audience has this name.", field="name")
    return int(named["count"])


async def _tell(
    ctx: Ctx, tx: Tx, audience_id: UUID, added: list[Follower] | None = None
) -> Audience:
    audience = Audience(**await tx.one(ONE, audience_id=audience_id, user_id=ctx.user_id))
    told = AudienceChanged(audience_id=audience_id, audience=audience, added=added)
    tx.tell(told, to=[ctx.user_id])
    return audience


@handles(ListAudiences)
async def list_audiences(ctx: Ctx, request: ListAudiences) -> AudienceList:
    async with ctx.db.read() as tx:
        rows = await tx.all(LIST, user_id=ctx.user_id)
    return AudienceList(audiences=[Audience(**row) for row in rows])


@handles(ListAudienceMembers)
async def members(ctx: Ctx, request: ListAudienceMembers) -> AudienceMembers:
    before_ms, before_id = request.before or (None, None)
    async with ctx.db.read() as tx:
        if await tx.maybe(OWNED, audience_id=request.audience_id, user_id=ctx.user_id) is None:
            raise _not_found()
        rows = await tx.all(
            MEMBERS,
            audience_id=request.audience_id,
            before_ms=before_ms,
            before_id=before_id,
            limit=request.limit + 1,
        )
    users = [Follower(**row) for row in rows[: request.limit]]
    return AudienceMembers(users=users, more=len(rows) > request.limit)
