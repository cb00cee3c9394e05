"""Stories as those who watch them are told of them, see watching.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.watches import StoryState

from lumina_rt.store.queries import query
from lumina_rt.watching import KINDS, Kind, State

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

STATES = query("story_answers.states")
WATCHED_BY = query("story_answers.watched_by")

COUNTS = ("view_count", "reaction_count", "answer_count")


async def read(tx: Tx, since: Mapping[UUID, int | None]) -> dict[UUID, State]:
    return {row["story_id"]: _state(row) for row in await tx.all(STATES, story_ids=list(since))}


def _state(row: Row) -> State:
    """Numbers are for the author alone."""

    def told(numbers: bool, hidden: frozenset[UUID]) -> StoryState:
        counts = {name: row[name] for name in COUNTS} if numbers else {}
        return StoryState(story_id=row["story_id"], expires_at=row["expires_at"], **counts)

    now, ends_ms = tuple(row.values()), row["expires_at"]
    return State(row["user_id"], False, row["access"], now, 0, frozenset(), told, ends_ms=ends_ms)


async def seen(tx: Tx, story_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    rows = await tx.all(WATCHED_BY, story_id=story_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows}


KINDS["story"] = Kind("story", read, seen)
