"""Golden frames of what others do with a post."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.post_people import (
    AnswerCoauthor,
    CoauthorAnswered,
    ListNearby,
    PostShared,
    PostsViewed,
    SharePost,
    View,
    ViewPosts,
)
from lumina_protocol.posts import PostPage

from golden.frames import answered, asked
from golden.post_examples import PHOTO, SEEN, TOGETHER

ANSWER = UUID("019bc119-cf50-7d4a-8e5b-6f7a8b9c0d1e")
SHARE = UUID("019bc119-d338-7e5b-9f6c-7a8b9c0d1e2f")

POST_PEOPLE = [
    asked(1, AnswerCoauthor(post_id=TOGETHER, op_id=ANSWER, accept=True)),
    answered(
        1,
        "post.coauthor_answer",
        CoauthorAnswered(post_id=TOGETHER, own_part="accepted", changed=True),
    ),
    asked(2, SharePost(share_id=SHARE, post_id=PHOTO, via="repost")),
    answered(2, "post.share", PostShared(share_id=SHARE)),
    asked(3, ViewPosts(views=[View(post_id=PHOTO, watch_s=12), View(post_id=TOGETHER)])),
    answered(3, "post.viewed", PostsViewed()),
    asked(4, ListNearby(latitude=59.91, longitude=10.75, within_km=2.5, newest=True, limit=10)),
    asked(4, ListNearby(latitude=59.91, longitude=10.75, after=PHOTO), ", the next page"),
    answered(4, "post.nearby", PostPage(posts=[SEEN], more=False)),
]
