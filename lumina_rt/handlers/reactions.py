"""Moods for posts. However many react to one, they wait for nobody: what is counted is written
beside the post, and added up later."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.errors import Forbidden
from lumina_protocol.messages import Person
from lumina_protocol.reactions import (
    ListReactions,
    OwnReaction,
    OwnReactions,
    PageReactions,
    ReactionChanged,
    ReactionKept,
    ReactionPage,
    Reactor,
    RemoveReaction,
    SetReaction,
)

from lumina_rt import access, notifying
from lumina_rt.notifying import Cause
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

SET = query("reactions.set")
REMOVE = query("reactions.remove")
PAGE = query("reactions.page")
OF_MOOD = query("reactions.page_of_mood")
MINE = query("reactions.mine")


@handles(SetReaction)
@once
async def set_mood(ctx: Ctx, tx: Tx, request: SetReaction) -> ReactionKept:
    name = {"post_id": request.post_id, "user_id": ctx.user_id}
    post = await tx.maybe(SET, mood=request.mood, **name)
    if post is None:
        raise access.no_post()
    if not post["allow_reactions"]:
        raise Forbidden("This post takes no reactions.", field="post_id")
    if post["is_new"]:
        await notifying.notify(tx, _cause(ctx.user_id, request.post_id, post["author_id"]))
    if post["changed"]:
        _tell(ctx, tx, request.post_id, request.mood)
    return ReactionKept(post_id=request.post_id, mood=request.mood, changed=post["changed"])


@handles(RemoveReaction)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemoveReaction) -> ReactionKept:
    post = await tx.maybe(REMOVE, post_id=request.post_id, user_id=ctx.user_id)
    if post is not None:
        await notifying.withdraw(tx, _cause(ctx.user_id, request.post_id, post["author_id"]))
        _tell(ctx, tx, request.post_id, None)
    return ReactionKept(post_id=request.post_id, changed=post is not None)


@handles(PageReactions)
async def page(ctx: Ctx, request: PageReactions) -> ReactionPage:
    of_mood = {"mood": request.mood} if request.mood else {}
    before_ms, before_id = request.before or (None, None)
    async with ctx.db.read() as tx:
        await access.post(tx, user_id=ctx.user_id, post_id=request.post_id)
        rows = await tx.all(
            OF_MOOD if of_mood else PAGE,
            post_id=request.post_id,
            user_id=ctx.user_id,
            before_ms=before_ms,
            before_id=before_id,
            limit=request.limit + 1,
            **of_mood,
        )
    found = [
        Reactor(
            user=Person(user_id=row["user_id"], username=row["username"]),
            mood=row["mood"],
            reacted_at=row["reacted_at"],
        )
        for row in rows[: request.limit]
    ]
    return ReactionPage(reactions=found, more=len(rows) > request.limit)


@handles(ListReactions)
async def mine(ctx: Ctx, request: ListReactions) -> OwnReactions:
    before_ms, before_id = request.before or (None, None)
    place = {"before_ms": before_ms, "before_id": before_id}
    async with ctx.db.read() as tx:
        rows = await tx.all(MINE, user_id=ctx.user_id, limit=request.limit + 1, **place)
    found = [OwnReaction.model_validate(dict(row)) for row in rows[: request.limit]]
    return OwnReactions(reactions=found, more=len(rows) > request.limit)


def _tell(ctx: Ctx, tx: Tx, post_id: UUID, mood: str | None) -> None:
    tx.tell(ReactionChanged(post_id=post_id, mood=mood), to=[ctx.user_id])
    tx.touched(post_id)


def _cause(user_id: UUID, post_id: UUID, author_id: UUID) -> Cause:
    return Cause(
        type="reaction",
        user_ids=[author_id],
        group_key=f"reaction:post:{post_id}",
        title="reacted to your post",
        actor_id=user_id,
        post_id=post_id,
    )
