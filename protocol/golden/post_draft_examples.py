"""Golden frames of drafts of posts."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.post_drafts import (
    DraftedPost,
    ListPostDrafts,
    PostDraft,
    PostDraftChanged,
    PostDraftKept,
    PostDraftPage,
    RemovePostDraft,
    SetPostDraft,
)

from golden.frames import MEDIA, MINUTE, NOW, answered, asked, told
from golden.post_examples import PHOTO

DRAFT = UUID("019bc119-c780-7b2e-9c3f-4d5e6f7a8b9c")
DRAFT_OP = UUID("019bc119-cb68-7c3f-8d4a-5e6f7a8b9c0d")
WRITTEN = DraftedPost(post_type="photo", media_ids=[MEDIA], caption="The harbour #oslo")
KEPT = PostDraftKept(draft_id=DRAFT, changed=True)
REFUSED = PostDraft(
    draft_id=DRAFT,
    post=WRITTEN,
    publish_at=NOW + 60 * MINUTE,
    error="not_found",
    error_field="media_ids",
    updated_at=NOW + 60 * MINUTE,
)

POST_DRAFTS = [
    asked(1, SetPostDraft(op_id=DRAFT_OP, draft_id=DRAFT, post=DraftedPost(caption="The harb"))),
    asked(
        1,
        SetPostDraft(op_id=DRAFT_OP, draft_id=DRAFT, post=WRITTEN, publish_at=NOW + 60 * MINUTE),
        ", to be published",
    ),
    answered(1, "post.draft_set", KEPT),
    asked(2, RemovePostDraft(op_id=DRAFT_OP, draft_id=DRAFT)),
    answered(2, "post.draft_remove", KEPT),
    asked(3, ListPostDrafts(), ", the first"),
    asked(3, ListPostDrafts(before=DRAFT, limit=5)),
    answered(3, "post.drafts", PostDraftPage(drafts=[REFUSED], more=False)),
    told(PostDraftChanged(draft_id=DRAFT, draft=REFUSED, user_rev=23), ", refused"),
    told(PostDraftChanged(draft_id=DRAFT, post_id=PHOTO, user_rev=24), ", published"),
]
