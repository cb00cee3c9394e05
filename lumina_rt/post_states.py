"""Posts as those who watch them are told of them, see watching.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.comments import Comment
from lumina_protocol.watches import MAX_TOLD, PollState, PostState

from lumina_rt.store.queries import query
from lumina_rt.watching import KINDS, Kind, State

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

POSTS = query("watches.posts")
COMMENTS = query("watches.comments")
SEEN = query("watches.seen")
TOLD_RESULTS = query("watches.told_results")

MOODS = ("inspired", "grateful", "curious", "excited", "thoughtful")
COUNTS = ("comment_count", "share_count", "view_count")
OF_POST = ("post_id", "caption", "post_type", "visibility", "allow_comments", "allow_reactions",
           "who_may_comment", "is_edited")  # fmt: skip
OF_COMMENT = ("like_count", "reply_count")


async def read(tx: Tx, since: Mapping[UUID, int | None]) -> dict[UUID, State]:
    """The posts first: a comment that comes in between is told with them, and once more."""
    rows = await tx.all(POSTS, post_ids=list(since))
    after = {
        row["post_id"]: rev
        for row in rows
        if (rev := since[row["post_id"]]) is not None and rev < row["comment_rev"]
    }
    changed = await _changed(tx, after) if after else {}
    return {
        row["post_id"]: _state(row, since[row["post_id"]], changed.get(row["post_id"], ()))
        for row in rows
    }


async def _changed(tx: Tx, after: Mapping[UUID, int]) -> Mapping[UUID, Sequence[Row]]:
    where = {"post_ids": list(after), "after_revs": list(after.values())}
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.all(COMMENTS, limit=MAX_TOLD + 1, **where):
        found[row["post_id"]].append(row)
    return found


def _state(row: Row, since: int | None, changed: Sequence[Row]) -> State:
    limited = len(changed) > MAX_TOLD
    rev = max([row["comment_rev"], *(one["rev"] for one in changed if not limited)])
    comments = [] if limited else [dict(one) for one in changed]
    now = tuple(row.values()), rev

    def told(
        numbers: bool, hidden: frozenset[UUID], results: bool = row["results_for_all"]
    ) -> PostState:
        left_out = {} if numbers else dict.fromkeys(OF_COMMENT)
        return PostState(
            **_of_post(row, numbers),
            poll=_poll(row, numbers and results),
            comment_rev=rev,
            from_rev=rev if since is None else since,
            comments=[
                Comment.model_validate({**one, **left_out})
                for one in comments
                if one["user_id"] not in hidden
            ],
            comments_limited=limited,
        )

    authors = frozenset(one["user_id"] for one in comments)
    owner, shows_numbers = row["user_id"], row["shows_numbers"]
    inside = None if row["results_for_all"] else partial(told, results=True)
    ends_ms = row["poll"] and row["poll"]["ends_ms"]
    return State(owner, shows_numbers, row["access"], now, rev, authors, told, inside, ends_ms)


def _poll(row: Row, results: bool) -> PollState | None:
    poll = row["poll"]
    if poll is None:
        return None
    votes = poll["votes"] if results else None
    return PollState(is_closed=poll["is_closed"], votes=votes)


def _of_post(row: Row, numbers: bool) -> dict[str, object]:
    known = {name: row[name] for name in OF_POST}
    if not numbers:
        return known
    moods = {mood: row[mood] for mood in MOODS if row[mood] > 0}
    return {**known, "reactions": moods, **{name: row[name] for name in COUNTS}}


async def told_results(tx: Tx, post_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    """Who sees the results of a poll before all do."""
    rows = await tx.all(TOLD_RESULTS, post_id=post_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows}


async def seen(tx: Tx, post_id: UUID, viewer_ids: list[UUID]) -> set[UUID]:
    rows = await tx.all(SEEN, post_id=post_id, user_ids=viewer_ids)
    return {row["user_id"] for row in rows}


KINDS["post"] = Kind("post", read, seen, told_results)
