"""Golden frames of what authors do with their posts."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.post_changes import (
    ArchivePost,
    DeletedPost,
    DeletedPostPage,
    DeletePost,
    EditPost,
    FormerCaption,
    ListArchivedPosts,
    ListDeletedPosts,
    ListPostEdits,
    PostChangeKept,
    PostEditPage,
    RestorePost,
    UnarchivePost,
)
from lumina_protocol.posts import PostPage

from golden.frames import MINUTE, NOW, answered, asked
from golden.post_examples import AUDIENCE, OURS, PHOTO, TOGETHER

CHANGE = UUID("019bc119-c398-7a1d-8b2e-3c4d5e6f7a8b")
KEPT = PostChangeKept(post_id=PHOTO, version=2, changed=True)

POST_CHANGES = [
    asked(
        1, EditPost(post_id=PHOTO, op_id=CHANGE, base_version=1, caption="The harbour, with @bob")
    ),
    asked(
        1,
        EditPost(
            post_id=PHOTO,
            op_id=CHANGE,
            base_version=2,
            visibility="custom",
            audience_id=AUDIENCE,
            allow_comments=False,
            allow_reactions=False,
            who_may_comment="friends",
        ),
        ", of settings",
    ),
    answered(1, "post.edit", KEPT),
    asked(2, ListPostEdits(post_id=PHOTO), ", the newest"),
    asked(2, ListPostEdits(post_id=PHOTO, before=3, limit=5)),
    answered(
        2,
        "post.edits",
        PostEditPage(
            edits=[
                FormerCaption(caption="The harbour", version=2, replaced_at=NOW + 5 * MINUTE),
                FormerCaption(version=1, replaced_at=NOW + 4 * MINUTE),
            ],
            more=False,
        ),
    ),
    asked(3, ArchivePost(post_id=PHOTO, op_id=CHANGE)),
    answered(3, "post.archive", KEPT),
    asked(4, UnarchivePost(post_id=PHOTO, op_id=CHANGE)),
    answered(4, "post.unarchive", KEPT),
    asked(5, DeletePost(post_id=PHOTO, op_id=CHANGE)),
    answered(5, "post.delete", KEPT),
    asked(6, RestorePost(post_id=PHOTO, op_id=CHANGE)),
    answered(6, "post.restore", KEPT),
    asked(7, ListArchivedPosts(), ", the first"),
    asked(7, ListArchivedPosts(before=TOGETHER, limit=5)),
    answered(7, "post.archived", PostPage(posts=[OURS], more=False)),
    asked(8, ListDeletedPosts(), ", the first"),
    asked(8, ListDeletedPosts(before=TOGETHER, limit=5)),
    answered(
        8,
        "post.trash",
        DeletedPostPage(
            posts=[
                DeletedPost(
                    post_id=PHOTO,
                    post_type="photo",
                    caption="The harbour",
                    created_at=NOW + MINUTE,
                    deleted_at=NOW + 6 * MINUTE,
                    removed=False,
                )
            ],
            more=False,
        ),
    ),
]
