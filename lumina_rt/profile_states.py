"""Profiles as those who watch them are told of them, see watching.py."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.watches import ProfileState

from lumina_rt.store.queries import query
from lumina_rt.watching import KINDS, Kind, State

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

STATES = query("profiles.states")
WATCHED_BY = query("profiles.watched_by")

NAME = ("user_id", "username", "full_name", "picture_media_id", "is_private", "is_verified")
MORE = ("bio", "newest_post_id")
COUNTS = ("follower_count", "following_count", "post_count")


async def read(tx: Tx, since: Mapping[UUID, int | None]) -> dict[UUID, State]:
    return {row["user_id"]: _state(row) for row in await tx.all(STATES, user_ids=list(since))}


def _state(row: Row) -> State:
    def told(
        numbers: bool, hidden: frozenset[UUID], whole: bool = row["whole_for_all"]
    ) -> ProfileState:
        shown = (*NAME, *(MORE if whole else ()), *(COUNTS if whole and numbers else ()))
        return ProfileState(whole=whole, **{name: row[name] for name in shown})

    inside = None if row["whole_for_all"] else partial(told, whole=True)
    owner, shows = row["user_id"], row["shows_numbers"]
    now = tuple(row.values())
    return State(owner, shows, row["access"], now, 0, frozenset(), told, inside)


async def seen(tx: Tx, user_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    rows = await tx.all(WATCHED_BY, other_id=user_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows}


async def see_all(tx: Tx, user_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    """Who is shown the whole profile while others are not."""
    rows = await tx.all(WATCHED_BY, other_id=user_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows if row["whole"]}


KINDS["profile"] = Kind("profile", read, seen, see_all)
