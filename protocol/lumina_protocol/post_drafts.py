"""Drafts of posts: on all devices of their author, and published by the server at their time."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from lumina_protocol.fields import Id, Millis, NewId
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.posts import (
    Caption,
    Coauthors,
    Commenters,
    MediaIds,
    NewPlace,
    NewPoll,
    PostType,
    ShownTo,
)

MAX_DRAFTS = 100
"""Of one author."""


class DraftedPost(Wire):
    """What `post.create` will be asked for, as far as it is known."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    post_type: PostType | None = None
    visibility: ShownTo | None = None
    audience_id: Id | None = None
    allow_comments: bool | None = None
    allow_reactions: bool | None = None
    who_may_comment: Commenters | None = None
    location: NewPlace | None = None
    media_ids: MediaIds | None = None
    quoted_post_id: Id | None = None
    coauthors: Coauthors | None = None
    poll: NewPoll | None = None
    caption: Caption | None = None


class PostDraft(Wire):
    draft_id: UUID
    post: DraftedPost
    publish_at: Millis | None = None
    """None: it is not published by itself."""
    error: str | None = None
    """Why it was not published at its time: the code of an error, or "deactivated". It waits for
    another time."""
    error_field: str | None = None
    """The field of that error."""
    updated_at: Millis


class PostDraftKept(Reply):
    draft_id: UUID
    changed: bool
    """False when all was so already; then nobody is told."""


class SetPostDraft(Change[PostDraftKept]):
    """Puts this in the place of a draft, or makes one. The last one that the server gets stands.
    With a time it must be what `post.create` takes."""

    op = "post.draft_set"

    draft_id: NewId
    post: DraftedPost
    publish_at: Millis | None = None
    """To come, and within a year of when the draft was made."""


class RemovePostDraft(Change[PostDraftKept]):
    """Removes a draft; nothing of it will be published."""

    op = "post.draft_remove"

    draft_id: Id


class PostDraftPage(Reply):
    """The newest first."""

    drafts: list[PostDraft]
    more: bool


class ListPostDrafts(Request[PostDraftPage]):
    """One's own drafts, with those that wait for their time or were refused then."""

    op = "post.drafts"
    scope = "read"

    before: Id | None = None
    """The `draft_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class PostDraftChanged(PersonalEvent):
    """To all devices of its author."""

    type = "post.draft_changed"

    draft_id: UUID
    draft: PostDraft | None = None
    """The whole of it; None when there is none any more."""
    post_id: UUID | None = None
    """What it has become, when it was published."""
