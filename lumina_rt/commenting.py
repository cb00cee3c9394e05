"""The comments of a post are changed and numbered under its lock, by whomever they are changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

LOCK = query("comments.lock")
STREAM = query("comments.stream")
NUMBER = query("comments.number")
POST_OF = query("comments.post_of")


async def lock(tx: Tx, post_id: UUID) -> None:
    """First of all: what there is, the next statement sees."""
    await tx.run(LOCK, post_id=post_id)
    await tx.run(STREAM, post_id=post_id)


async def lock_of(tx: Tx, comment_id: UUID) -> Row | None:
    """That of the post of a comment: `post_id` and `parent_comment_id`. None when there is no such
    comment."""
    row = await tx.maybe(POST_OF, comment_id=comment_id)
    if row is not None:
        await lock(tx, row["post_id"])
    return row


async def number(tx: Tx, post_id: UUID, comment_ids: Sequence[UUID]) -> Row:
    """Other than they were: the first of them, and those who watch the post are told."""
    rows = await tx.all(NUMBER, post_id=post_id, comment_ids=comment_ids)
    tx.touched(post_id)
    return next(row for row in rows if row["comment_id"] == comment_ids[0])
