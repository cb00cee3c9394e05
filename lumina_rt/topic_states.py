"""Topics as those who watch them are told of them, see watching.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.watches import TopicState

from lumina_rt.store.queries import query
from lumina_rt.watching import KINDS, Kind, State

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

STATES = query("topics.states")
SEEN = query("topics.seen")

KNOWN = (
    "topic_id",
    "display_name",
    "icon_media_id",
    "description",
    "color_hex",
    "is_featured",
    "is_trending",
)
COUNTS = ("post_count", "follower_count")


async def read(tx: Tx, since: Mapping[UUID, int | None]) -> dict[UUID, State]:
    return {row["topic_id"]: _state(row) for row in await tx.all(STATES, topic_ids=list(since))}


def _state(row: Row) -> State:
    """Nobody owns a topic: it is its own."""
    newest = [(UUID(post_id), UUID(author_id)) for post_id, author_id in row["newest"]]

    def told(numbers: bool, hidden: frozenset[UUID]) -> TopicState:
        return TopicState(
            **{name: row[name] for name in (*KNOWN, *(COUNTS if numbers else ()))},
            newest_post_id=next((post for post, author in newest if author not in hidden), None),
        )

    now, authors = tuple(map(str, row.values())), frozenset(author for _, author in newest)
    return State(row["topic_id"], True, _access(row), now, 0, authors, told)


def _access(row: Row) -> object:
    """Where there is a post for everybody, one more takes the topic from nobody."""
    for_all = row["is_featured"], row["is_trending"], row["newest"] != []
    return for_all if any(for_all) else row["post_count"]


async def seen(tx: Tx, topic_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    rows = await tx.all(SEEN, topic_id=topic_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows}


KINDS["topic"] = Kind("topic", read, seen)
