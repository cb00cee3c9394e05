"""Golden frames of comments, and of what is watched."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lumina_protocol.comments import (
    Comment,
    CommentChanged,
    CommentKept,
    CommentLiked,
    CommentPage,
    CommentsSynced,
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
from lumina_protocol.messages import Attachment, Person
from lumina_protocol.watches import (
    PollState,
    PostState,
    Unwatch,
    Unwatched,
    Watch,
    Watched,
    WatchEnded,
)

from golden.frames import ALICE, BOB, MEDIA, MINUTE, NOW, POST, answered, asked, told

THREAD = UUID("019bc119-a0c8-7a1b-8c2d-3e4f5a6b7c8d")
REPLY = UUID("019bc119-a4b0-7b2c-9d3e-4f5a6b7c8d9e")
OPS = {
    name: UUID(f"019bc119-a898-7c3d-8e4f-5a6b7c8d9e{number:02x}")
    for number, name in enumerate(("edit", "delete", "like", "unlike", "pin", "unpin"))
}
NAME: dict[str, Any] = {"post_id": POST, "comment_id": THREAD}
OF: dict[str, Any] = {"post_id": POST, "version": 1, "has_replies": False}

FIRST = Comment(
    comment_id=THREAD,
    rev=3,
    **{**OF, "has_replies": True},
    depth=0,
    author=Person(user_id=BOB, username="bob"),
    content="What a view!",
    like_count=1,
    reply_count=1,
    liked=False,
    created_at=NOW + MINUTE,
)
ANSWER = Comment(
    comment_id=REPLY,
    rev=2,
    **OF,
    parent_comment_id=THREAD,
    depth=1,
    author=Person(user_id=ALICE, username="alice"),
    content="",
    attachment=Attachment(media_id=MEDIA, kind="gif", content_type="image/gif", bytes=48_000),
    like_count=0,
    reply_count=0,
    liked=True,
    created_at=NOW + 2 * MINUTE,
)
PINNED = FIRST.model_copy(update={"pinned_at": NOW + 3 * MINUTE})
STATE = PostState(
    post_id=POST,
    caption="At the lake",
    post_type="photo",
    visibility="public",
    allow_comments=True,
    allow_reactions=True,
    who_may_comment="everyone",
    reactions={"inspired": 12, "curious": 3},
    comment_count=2,
    share_count=1,
    view_count=240,
    comment_rev=3,
    from_rev=3,
)
CHANGES: list[tuple[str, Any]] = [
    ("edit", EditComment(**NAME, op_id=OPS["edit"], base_version=1, content="What a lake!")),
    ("delete", DeleteComment(**NAME, op_id=OPS["delete"])),
    ("like", LikeComment(**NAME, op_id=OPS["like"])),
    ("unlike", UnlikeComment(**NAME, op_id=OPS["unlike"])),
    ("pin", PinComment(**NAME, op_id=OPS["pin"])),
    ("unpin", UnpinComment(**NAME, op_id=OPS["unpin"])),
]
CHANGED = CommentChanged(comment_id=THREAD, rev=4, version=1, changed=True)

COMMENTS = [
    asked(1, CreateComment(**NAME, content="What a view!")),
    asked(
        1,
        CreateComment(post_id=POST, comment_id=REPLY, parent_comment_id=THREAD, media_id=MEDIA),
        ", a reply that is a picture",
    ),
    answered(
        1,
        "comment.create",
        CommentKept(comment_id=THREAD, rev=1, version=1, created_at=NOW + MINUTE),
    ),
    *(asked(2, request) for _, request in CHANGES),
    *(answered(2, f"comment.{name}", CHANGED) for name, _ in CHANGES),
    asked(3, PageComments(post_id=POST, sort="oldest", after=(NOW, REPLY), limit=20)),
    answered(
        3,
        "comment.page",
        CommentPage(comments=[FIRST], pinned=[PINNED], rest=[REPLY], more=True, comment_rev=3),
    ),
    asked(4, PageReplies(**NAME, after=(NOW, REPLY), limit=20)),
    answered(4, "comment.replies", CommentPage(comments=[ANSWER], more=False, comment_rev=3)),
    asked(5, GetComments(post_id=POST, comment_ids=[THREAD, REPLY])),
    answered(5, "comment.get", CommentPage(comments=[FIRST, ANSWER], more=False, comment_rev=3)),
    asked(6, SyncComments(post_id=POST, after_rev=1)),
    answered(
        6,
        "comment.sync",
        CommentsSynced(comments=[ANSWER, FIRST], from_rev=1, to_rev=3, last_rev=3),
    ),
    asked(7, Watch(subject_type="post", subject_id=POST)),
    answered(7, "watch", Watched(post=STATE)),
    asked(8, Unwatch(subject_type="post", subject_id=POST)),
    answered(8, "unwatch", Unwatched(changed=True)),
    told(
        STATE.model_copy(
            update={
                "comment_rev": 4,
                "poll": PollState(is_closed=False, votes=[3, 0]),
                "comments": [
                    FIRST.model_copy(
                        update={"rev": 4, "version": 2, "is_edited": True, "liked": None}
                    )
                ],
            }
        )
    ),
    told(
        STATE.model_copy(
            update={
                "comment_rev": 99,
                "comments_limited": True,
                "poll": PollState(is_closed=True),
                "reactions": None,
                "comment_count": None,
                "share_count": None,
                "view_count": None,
            }
        ),
        ", after much, for who wants no numbers",
    ),
    told(CommentLiked(user_rev=81, post_id=POST, comment_id=THREAD, liked=True)),
    told(CommentLiked(user_rev=82, post_id=POST, comment_id=THREAD, liked=False), ", no more"),
    told(WatchEnded(subject_type="post", subject_id=POST, why="gone")),
]
