"""Moods for posts, kept in batches. What is counted is written beside the post, and added up later:
however many react to one, nobody waits for its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Forbidden, LuminaError
from lumina_protocol.fields import uuid7
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
from lumina_rt.once import first_result, request_digest
from lumina_rt.router import Ctx, handles
from lumina_rt.store.group_commit import grouped
from lumina_rt.store.queries import query
from lumina_rt.streams import own_stream

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

REACT = query("reactions.react")
PAGE = query("reactions.page")
OF_MOOD = query("reactions.page_of_mood")
MINE = query("reactions.mine")


@dataclass(frozen=True, slots=True)
class Reacting:
    """A mood that is set or taken back, on its way to be committed."""

    user_id: UUID
    request: SetReaction | RemoveReaction
    digest: bytes

    @property
    def mood(self) -> str | None:
        return self.request.mood if isinstance(self.request, SetReaction) else None

    def post_id(self) -> UUID:
        return self.request.post_id


@handles(SetReaction)
async def set_mood(ctx: Ctx, request: SetReaction) -> ReactionKept:
    return await _react(ctx, request)


@handles(RemoveReaction)
async def remove(ctx: Ctx, request: RemoveReaction) -> ReactionKept:
    return await _react(ctx, request)


async def _react(ctx: Ctx, request: SetReaction | RemoveReaction) -> ReactionKept:
    """Done once for its `op_id`, as what is `@once`."""
    digest = request_digest(ctx.services.hash_key, request)
    return await ctx.services.writers.submit(commit, Reacting(ctx.user_id, request, digest))


@grouped(key=Reacting.post_id)
async def commit(tx: Tx, items: Sequence[Reacting]) -> list[ReactionKept | LuminaError]:
    rows = await tx.all(
        REACT,
        actor_ids=[item.user_id for item in items],
        op_ids=[item.request.op_id for item in items],
        ops=[item.request.op for item in items],
        digests=[item.digest for item in items],
        post_ids=[item.request.post_id for item in items],
        moods=[item.mood for item in items],
        notification_ids=[uuid7() for _ in items],
        title="reacted to your post",
        pause_s=notifying.PAUSE_S,
        node_id=tx.node_id,
    )
    results: dict[tuple[UUID, UUID], ReactionKept | LuminaError] = {}
    for item, row in zip(items, rows, strict=True):
        if row["status"] != "known":
            results[item.user_id, item.request.op_id] = _result(tx, item, row)
    return [
        _first_result(tx, item, row) or results[item.user_id, item.request.op_id]
        for item, row in zip(items, rows, strict=True)
    ]


def _result(tx: Tx, item: Reacting, row: Row) -> ReactionKept | LuminaError:
    match row["status"]:
        case "no_post":
            return access.no_post()
        case "closed":
            return Forbidden("This post takes no reactions.", field="post_id")
    kept = ReactionKept(post_id=item.request.post_id, mood=item.mood, changed=row["changed"])
    if kept.changed:
        event = ReactionChanged(post_id=kept.post_id, mood=kept.mood, user_rev=row["user_rev"])
        place = own_stream(item.user_id), row["user_rev"]
        tx.emit(event, place=place, to=[item.user_id])
        tx.touched(kept.post_id)
    return kept


def _first_result(tx: Tx, item: Reacting, row: Row) -> ReactionKept | LuminaError | None:
    """Of a retry; None when the first try is in the same batch."""
    if row["status"] != "known":
        return None
    try:
        result = first_result(row, item.digest, item.request.keyed_by)
    except LuminaError as error:
        return error
    if not result:
        return None
    kept = ReactionKept.model_validate(result)
    if kept.changed:  # perhaps by a try whose connection broke, and then nobody was told
        tx.touched(kept.post_id)
    return kept


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
