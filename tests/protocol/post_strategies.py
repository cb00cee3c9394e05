"""Requests of posts, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.feed import HomeFeed
from lumina_protocol.frame import Request
from lumina_protocol.mentioning import ListMentioning
from lumina_protocol.post_changes import (
    ArchivePost,
    DeletePost,
    EditPost,
    ListArchivedPosts,
    ListDeletedPosts,
    ListPostEdits,
    RestorePost,
    UnarchivePost,
)
from lumina_protocol.post_drafts import (
    DraftedPost,
    ListPostDrafts,
    RemovePostDraft,
    SetPostDraft,
)
from lumina_protocol.post_people import (
    AnswerCoauthor,
    ListNearby,
    SharePost,
    View,
    ViewPosts,
)
from lumina_protocol.posts import CreatePost, GetPost, ListPosts, NewPlace, NewPoll

from tests.protocol.people_strategies import FLAGS, NEW_IDS, SEQS, SHORT, TEXT
from tests.protocol.topic_strategies import TOPIC_STRATEGIES

POST_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    **TOPIC_STRATEGIES,
    "post.create": st.builds(
        CreatePost,
        post_id=NEW_IDS,
        post_type=st.just("text"),
        caption=SHORT,
        visibility=st.sampled_from(["public", "friends", "private"]),
        allow_comments=st.booleans(),
        location=st.none()
        | st.builds(
            NewPlace,
            name=st.none() | SHORT,
            latitude=st.floats(-90, 90),
            longitude=st.floats(-180, 180),
        ),
        quoted_post_id=st.none() | st.uuids(),
    )
    | st.builds(
        CreatePost,
        post_id=NEW_IDS,
        post_type=st.just("poll"),
        visibility=st.just("custom"),
        audience_id=st.uuids(),
        poll=st.builds(
            NewPoll,
            question=SHORT,
            options=st.lists(SHORT, min_size=2, max_size=20, unique=True),
            closes_at=st.none() | SEQS,
        ),
    )
    | st.builds(
        CreatePost,
        post_id=NEW_IDS,
        post_type=st.just("collaborative"),
        caption=SHORT,
        coauthors=st.lists(st.uuids(), min_size=1, max_size=5, unique=True),
    ),
    "post.get": st.builds(GetPost, post_id=st.uuids()),
    "post.of_user": st.builds(
        ListPosts, user_id=st.uuids(), before=st.none() | st.uuids(), limit=st.integers(1, 50)
    ),
    "feed.home": st.builds(HomeFeed, before=st.none() | st.uuids(), limit=st.integers(1, 50))
    | st.builds(HomeFeed, after=st.uuids()),
    "post.mentioning": st.builds(
        ListMentioning, before=st.none() | st.uuids(), limit=st.integers(1, 50)
    ),
    "post.edit": st.builds(
        EditPost,
        post_id=st.uuids(),
        op_id=NEW_IDS,
        base_version=st.integers(1, 2**31 - 1),
        caption=st.none() | TEXT.map(lambda text: text[:2200]),
        visibility=st.sampled_from([None, "public", "custom"]),
        audience_id=st.none() | st.uuids(),
        allow_comments=FLAGS,
        allow_reactions=FLAGS,
        who_may_comment=st.sampled_from([None, "everyone", "friends"]),
    ),
    "post.edits": st.builds(
        ListPostEdits,
        post_id=st.uuids(),
        before=st.none() | st.integers(1, 2**31 - 1),
        limit=st.integers(1, 50),
    ),
    "post.archive": st.builds(ArchivePost, post_id=st.uuids(), op_id=NEW_IDS),
    "post.unarchive": st.builds(UnarchivePost, post_id=st.uuids(), op_id=NEW_IDS),
    "post.delete": st.builds(DeletePost, post_id=st.uuids(), op_id=NEW_IDS),
    "post.restore": st.builds(RestorePost, post_id=st.uuids(), op_id=NEW_IDS),
    "post.archived": st.builds(
        ListArchivedPosts, before=st.none() | st.uuids(), limit=st.integers(1, 50)
    ),
    "post.draft_set": st.builds(
        SetPostDraft,
        draft_id=NEW_IDS,
        op_id=NEW_IDS,
        publish_at=st.none() | SEQS,
        post=st.builds(
            DraftedPost,
            post_type=st.sampled_from([None, "photo", "text"]),
            caption=st.none() | SHORT,
            media_ids=st.none() | st.lists(st.uuids(), max_size=3, unique=True),
            allow_comments=FLAGS,
        ),
    ),
    "post.draft_remove": st.builds(RemovePostDraft, draft_id=st.uuids(), op_id=NEW_IDS),
    "post.drafts": st.builds(
        ListPostDrafts, before=st.none() | st.uuids(), limit=st.integers(1, 50)
    ),
    "post.coauthor_answer": st.builds(
        AnswerCoauthor, post_id=st.uuids(), op_id=NEW_IDS, accept=st.booleans()
    ),
    "post.share": st.builds(
        SharePost,
        share_id=NEW_IDS,
        post_id=st.uuids(),
        via=st.sampled_from(["link", "message", "story", "repost"]),
    ),
    "post.viewed": st.builds(
        ViewPosts,
        views=st.lists(
            st.builds(View, post_id=st.uuids(), watch_s=st.integers(0, 86_400)),
            min_size=1,
            max_size=9,
            unique_by=lambda view: view.post_id,
        ),
    ),
    "post.nearby": st.builds(
        ListNearby,
        latitude=st.floats(-90, 90),
        longitude=st.floats(-180, 180),
        within_km=st.floats(0.1, 50),
        newest=st.booleans(),
        after=st.none() | st.uuids(),
        limit=st.integers(1, 50),
    ),
    "post.trash": st.builds(
        ListDeletedPosts, before=st.none() | st.uuids(), limit=st.integers(1, 50)
    ),
}
