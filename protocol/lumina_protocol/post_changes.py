"""What an author does with a post of theirs: edit, archive, delete and restore it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, Reply, Request, Wire
from lumina_protocol.posts import Caption, Commenters, PostPage, ShownTo


class PostChangeKept(Reply):
    post_id: UUID
    version: int
    changed: bool
    """False when all was so already; then nobody is told."""


class EditPost(Change[PostChangeKept]):
    """Gives one's own post another caption or other settings, if it is still what the editor saw.
    What is left out stays."""

    op = "post.edit"

    post_id: Id
    base_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    """The `version` of the post that the editor saw."""
    caption: Caption | None = None
    """Empty: none any more."""
    visibility: ShownTo | None = None
    audience_id: Id | None = None
    """Of "custom"."""
    allow_comments: bool | None = None
    allow_reactions: bool | None = None
    who_may_comment: Commenters | None = None


class FormerCaption(Wire):
    caption: str | None = None
    """None: it had none."""
    version: int
    """That it had last while it said so."""
    replaced_at: Millis


class PostEditPage(Reply):
    """The newest first."""

    edits: list[FormerCaption]
    more: bool


class ListPostEdits(Request[PostEditPage]):
    """What the caption of a post said before, for whom the post is for."""

    op = "post.edits"
    scope = "read"

    post_id: Id
    before: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The `version` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class ArchivePost(Change[PostChangeKept]):
    """Shows one's own post to nobody else any more."""

    op = "post.archive"

    post_id: Id


class UnarchivePost(Change[PostChangeKept]):
    """Shows it again to whom it is for."""

    op = "post.unarchive"

    post_id: Id


class DeletePost(Change[PostChangeKept]):
    """Deletes one's own post. It can be restored until it is removed for good."""

    op = "post.delete"

    post_id: Id


class RestorePost(Change[PostChangeKept]):
    """Brings back what one has deleted, as it was."""

    op = "post.restore"

    post_id: Id


class ListArchivedPosts(Request[PostPage]):
    """One's own archived posts, the newest first."""

    op = "post.archived"
    scope = "read"

    before: Id | None = None
    """The `post_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class DeletedPost(Wire):
    post_id: UUID
    post_type: str
    caption: str | None = None
    created_at: Millis
    deleted_at: Millis
    removed: bool
    """By staff: only an appeal brings it back."""


class DeletedPostPage(Reply):
    """The newest first."""

    posts: list[DeletedPost]
    more: bool


class ListDeletedPosts(Request[DeletedPostPage]):
    """One's own deleted posts that are not removed for good yet."""

    op = "post.trash"
    scope = "read"

    before: Id | None = None
    """The `post_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20
