"""Profiles of users, as much of them as is for who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import NotFound
from lumina_protocol.fields import username_key
from lumina_protocol.profiles import GetUser, Profile, ProfileReply, Relation

from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

ID_OF = query("profiles.id_of")
GET = query("profiles.get")

NAME = (
    "user_id",
    "username",
    "full_name",
    "picture_media_id",
    "is_private",
    "is_verified",
    "whole",
)
MORE = ("bio", "created_at")
COUNTS = ("follower_count", "following_count", "post_count")


@handles(GetUser)
async def get(ctx: Ctx, request: GetUser) -> ProfileReply:
    async with ctx.db.read() as tx:
        other_id = request.user_id or await _id_of(tx, request.username or "")
        row = other_id and await tx.maybe(GET, user_id=ctx.user_id, other_id=other_id)
    if not row:
        field = "user_id" if request.user_id else "username"
        raise NotFound("There is no such user, or not for you.", field=field)
    return ProfileReply(profile=_profile(row, own=row["user_id"] == ctx.user_id))


async def _id_of(tx: Tx, username: str) -> UUID | None:
    row = await tx.maybe(ID_OF, username_key=username_key(username))
    return row["user_id"] if row else None


def _profile(row: Row, *, own: bool) -> Profile:
    shown = [*NAME, *(MORE if row["whole"] else ())]
    if row["whole"] and row["counted"]:
        shown += COUNTS
    return Profile(**{name: row[name] for name in shown}, relation=None if own else _relation(row))


def _relation(row: Row) -> Relation:
    return Relation(
        follows=row["mine"] in ("follow", "close_friend"),
        followed_by=row["theirs"] in ("follow", "close_friend"),
        close_friend=row["mine"] == "close_friend",
        requested=row["requested"],
        blocked=row["mine"] == "blocked",
    )
