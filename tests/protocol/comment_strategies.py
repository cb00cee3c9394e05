"""Requests about comments, moods and what is watched, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.comments import (
    CreateComment,
    DeleteComment,
    EditComment,
    GetComments,
    LikeComment,
    PageComments,
    PageReplies,
    PinComment,
    SyncComments,
    UnlikeComment,
    UnpinComment,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.watches import Unwatch, Watch

from tests.protocol.mood_strategies import MOOD_STRATEGIES
from tests.protocol.upload_strategies import UPLOAD_STRATEGIES

NEW_IDS = st.builds(uuid7)
SEQS = st.integers(0, 2**53 - 1)
SHORT = st.text("hello, you \u2014 \U0001f600", min_size=1, max_size=100)
OF_COMMENT: dict[str, Any] = {
    "post_id": st.uuids(),
    "comment_id": st.uuids(),
    "op_id": NEW_IDS,
}
COMMENT_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    **MOOD_STRATEGIES,
    **UPLOAD_STRATEGIES,
    "comment.create": st.builds(
        CreateComment,
        post_id=st.uuids(),
        comment_id=NEW_IDS,
        content=SHORT,
        parent_comment_id=st.none() | st.uuids(),
        media_id=st.none() | st.uuids(),
    ),
    "comment.edit": st.builds(
        EditComment, **OF_COMMENT, base_version=st.integers(1, 2**31 - 1), content=SHORT
    ),
    "comment.delete": st.builds(DeleteComment, **OF_COMMENT),
    "comment.like": st.builds(LikeComment, **OF_COMMENT),
    "comment.unlike": st.builds(UnlikeComment, **OF_COMMENT),
    "comment.pin": st.builds(PinComment, **OF_COMMENT),
    "comment.unpin": st.builds(UnpinComment, **OF_COMMENT),
    "comment.page": st.builds(
        PageComments,
        post_id=st.uuids(),
        sort=st.sampled_from(["newest", "oldest"]),
        after=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 50),
    ),
    "comment.replies": st.builds(
        PageReplies,
        post_id=st.uuids(),
        comment_id=st.uuids(),
        after=st.none() | st.tuples(SEQS, st.uuids()),
        limit=st.integers(1, 50),
    ),
    "comment.get": st.builds(
        GetComments,
        post_id=st.uuids(),
        comment_ids=st.lists(st.uuids(), min_size=1, max_size=5, unique=True),
    ),
    "comment.sync": st.builds(
        SyncComments, post_id=st.uuids(), after_rev=SEQS, limit=st.integers(1, 50)
    ),
    "watch": st.builds(
        Watch,
        subject_type=st.sampled_from(["post", "story", "topic", "profile"]),
        subject_id=st.uuids(),
    ),
    "unwatch": st.builds(Unwatch, subject_type=st.just("post"), subject_id=st.uuids()),
}
