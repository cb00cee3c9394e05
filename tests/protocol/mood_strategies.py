"""Requests about moods, votes, bookmarks, and what became of a post, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.bookmarks import (
    ChangeCollection,
    CreateCollection,
    ListCollections,
    PageBookmarks,
    RemoveBookmark,
    RemoveCollection,
    SetBookmark,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.insights import GetInsights
from lumina_protocol.polls import PageVoters, Unvote, Vote
from lumina_protocol.reactions import (
    ListReactions,
    PageReactions,
    RemoveReaction,
    SetReaction,
)

MOODS = st.sampled_from(["inspired", "grateful", "curious", "excited", "thoughtful"])
OF_POST: dict[str, Any] = {"post_id": st.uuids(), "op_id": st.builds(uuid7)}
PAGE: dict[str, Any] = {
    "before": st.none() | st.tuples(st.integers(0, 2**53 - 1), st.uuids()),
    "limit": st.integers(1, 50),
}
NAMES = st.text("for later \u2014 \U0001f600", min_size=1, max_size=100).filter(str.strip)
IDS = st.none() | st.uuids()
MOOD_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    "reaction.set": st.builds(SetReaction, **OF_POST, mood=MOODS),
    "reaction.remove": st.builds(RemoveReaction, **OF_POST),
    "reaction.page": st.builds(PageReactions, post_id=st.uuids(), mood=st.none() | MOODS, **PAGE),
    "reaction.mine": st.builds(ListReactions, **PAGE),
    "poll.vote": st.builds(
        Vote, **OF_POST, options=st.sets(st.integers(0, 19), min_size=1, max_size=20).map(sorted)
    ),
    "poll.unvote": st.builds(Unvote, **OF_POST),
    "poll.voters": st.builds(PageVoters, post_id=st.uuids(), option_no=st.integers(0, 19), **PAGE),
    "bookmark.set": st.builds(SetBookmark, **OF_POST, collection_id=IDS),
    "bookmark.remove": st.builds(RemoveBookmark, **OF_POST),
    "bookmark.page": st.builds(PageBookmarks, collection_id=IDS, **PAGE),
    "collection.create": st.builds(CreateCollection, collection_id=st.builds(uuid7), name=NAMES),
    "collection.change": st.builds(
        ChangeCollection, collection_id=st.uuids(), op_id=st.builds(uuid7), name=NAMES
    ),
    "collection.remove": st.builds(
        RemoveCollection, collection_id=st.uuids(), op_id=st.builds(uuid7)
    ),
    "collection.list": st.builds(ListCollections),
    "post.insights": st.builds(
        GetInsights,
        post_id=st.uuids(),
        from_day=st.just("2026-01-01"),
        to_day=st.integers(1, 31).map("2026-01-{:02}".format),
    ),
}
