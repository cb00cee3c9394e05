"""Comments on posts: make, edit, delete, like and pin them, and read them by threads."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, StringConstraints, model_validator

from lumina_protocol.fields import Id, Millis, NewId, Seq, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Attachment, Person, each_once

MAX_DEPTH = 3
"""Of a reply to a reply to a reply; nobody answers that."""
MAX_PINNED = 3
RANKED = 500
"""Threads of a post that are ordered by their likes."""
COMMENT_MEDIA = ["image", "gif", "sticker"]
"""The kinds of media objects that a comment may show."""
R = TypeVar("R", bound=Reply)

Text = Annotated[str, StringConstraints(max_length=2200), AfterValidator(without_nul)]
After = Annotated[tuple[Millis, Id], Strict(False)]
PageSize = Annotated[int, Field(ge=1, le=50)]


class Comment(Wire):
    comment_id: UUID
    post_id: UUID
    rev: Seq
    """The number of its newest change, among those of all comments of the post."""
    version: int
    """How often its words were written: the `base_version` of an edit."""
    parent_comment_id: UUID | None = None
    """What it replies to; None for a thread."""
    depth: int
    """0 for a thread, up to 3."""
    author: Person | None = None
    """None when it is deleted."""
    content: str
    """Empty when it is deleted."""
    attachment: Attachment | None = None
    like_count: Seq | None = None
    """None where the reader wants no numbers, or the author of the post shows none."""
    reply_count: Seq | None = None
    """Of those that are not deleted; likewise."""
    has_replies: bool
    """Whether it has ever had one: then it stays as a tombstone when it is deleted."""
    liked: bool | None = None
    """By who asks; left out of events, which are the same for all."""
    pinned_at: Millis | None = None
    is_edited: bool | None = None
    is_deleted: bool = False
    created_at: Millis


class CommentKept(Reply):
    comment_id: UUID
    rev: Seq
    version: int
    created_at: Millis


class CreateComment(Request[CommentKept]):
    """A retry with the same `comment_id` gets the first answer, for 30 days."""

    op = "comment.create"
    keyed_by = "comment_id"

    post_id: Id
    comment_id: NewId
    content: Text = ""
    parent_comment_id: Id | None = None
    """What it replies to, on the same post, at most two levels below a thread."""
    media_id: Id | None = None
    """One's own, ready: an image, a gif or a sticker."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.content and self.media_id is None:
            raise ValueError("content: must not be empty without media")
        return self


class CommentChanged(Reply):
    comment_id: UUID
    rev: Seq
    version: int
    changed: bool
    """False when it was so already; then nobody is told."""


class OfComment(Change[R], Generic[R]):
    post_id: Id
    comment_id: Id


class EditComment(OfComment[CommentChanged]):
    """Of one's own, from the version that one has seen."""

    op = "comment.edit"

    base_version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    content: Annotated[
        str, StringConstraints(min_length=1, max_length=2200), AfterValidator(without_nul)
    ]


class DeleteComment(OfComment[CommentChanged]):
    """One's own, or any on one's own post. Its replies stay under a tombstone."""

    op = "comment.delete"


class LikeComment(OfComment[CommentChanged]):
    op = "comment.like"


class UnlikeComment(OfComment[CommentChanged]):
    op = "comment.unlike"


class CommentLiked(PersonalEvent):
    """To all devices of the user: they like a comment, or do not any more."""

    type = "comment.liked"

    post_id: UUID
    comment_id: UUID
    liked: bool


class PinComment(OfComment[CommentChanged]):
    """A thread of one's own post; up to 3."""

    op = "comment.pin"


class UnpinComment(OfComment[CommentChanged]):
    op = "comment.unpin"


class CommentPage(Reply):
    comments: list[Comment]
    more: bool
    pinned: list[Comment] = []
    """On the first page, what is to be shown first; they are also at their place among the
    others."""
    rest: list[UUID] = []
    """Of "most_liked": those that follow, in their order, to be read by `comment.get`."""
    comment_rev: Seq
    """The number of the newest change that is in it, at least."""


class PageComments(Request[CommentPage]):
    """Threads of a post, behind `after` (created_at and comment_id of the last one had), or the
    first. No comment is in two pages and none is left out, whatever is written meanwhile. By likes
    the first page ranks up to 500 threads, and its `rest` keeps that order."""

    op = "comment.page"
    scope = "read"

    post_id: Id
    sort: Literal["newest", "oldest", "most_liked"] = "newest"
    after: After | None = None
    """Not with "most_liked"."""
    limit: PageSize = 20

    @model_validator(mode="after")
    def _ranked_once(self) -> Self:
        if self.sort == "most_liked" and self.after is not None:
            raise ValueError("after: of most_liked, read the rest with comment.get")
        return self


class PageReplies(Request[CommentPage]):
    """Replies to a comment, the oldest first, likewise."""

    op = "comment.replies"
    scope = "read"

    post_id: Id
    comment_id: Id
    after: After | None = None
    limit: PageSize = 20


class GetComments(Request[CommentPage]):
    """Some comments of a post, in this order; those that are not for the reader are left out."""

    op = "comment.get"
    scope = "read"

    post_id: Id
    comment_ids: Annotated[list[Id], Field(min_length=1, max_length=50), AfterValidator(each_once)]


class CommentsSynced(Reply):
    comments: list[Comment]
    """Those that changed after `from_rev`, up to `to_rev`, as they are now, by their rev."""
    from_rev: Seq
    to_rev: Seq
    last_rev: Seq
    """More is to be asked for while it is greater than `to_rev`."""


class SyncComments(Request[CommentsSynced]):
    """What became of the comments of a post after a rev."""

    op = "comment.sync"
    scope = "read"

    post_id: Id
    after_rev: Seq
    limit: PageSize = 50
