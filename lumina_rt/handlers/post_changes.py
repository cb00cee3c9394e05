"""What authors do with their posts: each change locks the row of the post first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from lumina_protocol.errors import Forbidden, Gone, Invalid, NotFound, Stale
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
from lumina_protocol.posts import PostDeleted, PostPage

from lumina_rt import posting, showing
from lumina_rt.notifying import look_again
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import Query, query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK = query("post_changes.lock")
EDIT = query("post_changes.edit")
OWN_AUDIENCE = query("post_changes.own_audience")
KEEP_FORMER = query("post_changes.keep_former")
EDITS = query("post_changes.edits")
ARCHIVE = query("post_changes.archive")
DELETE = query("post_changes.delete")
RESTORE = query("post_changes.restore")
ARCHIVED = query("post_changes.archived")
DELETED = query("post_changes.deleted")
TOPICS = query("topics.of_post")

EDITABLE = (
    "caption",
    "visibility",
    "audience_id",
    "allow_comments",
    "allow_reactions",
    "who_may_comment",
)


async def _locked(tx: Tx, user_id: UUID, post_id: UUID) -> Row:
    """One's own post, also a deleted one. Raises NotFound."""
    row = await tx.maybe(LOCK, user_id=user_id, post_id=post_id)
    if row is None:
        raise NotFound("There is no such post, or it is not yours.", field="post_id")
    return row


async def _there(tx: Tx, user_id: UUID, post_id: UUID) -> Row:
    """Raises Gone as well."""
    row = await _locked(tx, user_id, post_id)
    if row["is_deleted"]:
        raise Gone("This post was deleted.", field="post_id")
    return row


@handles(EditPost)
@once
async def edit(ctx: Ctx, tx: Tx, request: EditPost) -> PostChangeKept:
    name = {"user_id": ctx.user_id, "post_id": request.post_id}
    row = await _there(tx, **name)
    if row["version"] != request.base_version:
        raise Stale(field="base_version")
    before = {field: row[field] for field in EDITABLE}
    after = _edited(before, request)
    if after == before:
        return PostChangeKept(post_id=request.post_id, version=row["version"], changed=False)
    await _refuse_edit(tx, row, after, ctx.user_id)
    reworded = after["caption"] != before["caption"]
    if reworded:
        former = {"caption": before["caption"], "version": row["version"]}
        await tx.run(KEEP_FORMER, post_id=request.post_id, **former)
        await posting.tag(tx, **name, caption=after["caption"])
    fewer = any(after[shown] != before[shown] for shown in ("visibility", "audience_id"))
    return await _changed(tx, EDIT, **name, **after, fewer=fewer, reworded=reworded)


def _edited(before: dict[str, Any], request: EditPost) -> dict[str, Any]:
    given = request.model_dump(include=set(EDITABLE), exclude_none=True)
    after = before | given
    if after["visibility"] != "custom" and request.audience_id is None:
        after["audience_id"] = None
    return after | {"caption": after["caption"] or None}


async def _refuse_edit(tx: Tx, row: Row, after: dict[str, Any], user_id: UUID) -> None:
    if not after["caption"] and not row["has_more"]:
        raise Invalid("caption: must not be empty where there is nothing else", field="caption")
    audience_id = after["audience_id"]
    if (audience_id is not None) != (after["visibility"] == "custom"):
        text = "audience_id: is for the visibility custom, and needed there"
        raise Invalid(text, field="audience_id")
    if audience_id and not await tx.maybe(OWN_AUDIENCE, user_id=user_id, audience_id=audience_id):
        raise NotFound("There is no such audience, or it is not yours.", field="audience_id")


async def _changed(
    tx: Tx, statement: Query, *, user_id: UUID, post_id: UUID, fewer: bool, **values: object
) -> PostChangeKept:
    """Do it to a post that is locked, and tell what it is now."""
    row = await tx.one(statement, user_id=user_id, post_id=post_id, **values)
    await showing.tell_author(tx, user_id, post_id)
    await _tell_others(tx, user_id, post_id, fewer=fewer)
    return PostChangeKept(post_id=post_id, version=row["version"], changed=True)


async def _tell_others(tx: Tx, user_id: UUID, post_id: UUID, *, fewer: bool) -> None:
    """Who watches it, or its topics; and who was notified of it, where it may be for `fewer` than
    it was."""
    if fewer:
        await look_again(tx, post_id=post_id)
    tx.touched(post_id, *(row["topic_id"] for row in await tx.all(TOPICS, post_id=post_id)))
    tx.sees_changed(user_id)


@handles(ArchivePost)
@once
async def archive(ctx: Ctx, tx: Tx, request: ArchivePost) -> PostChangeKept:
    return await _set_archived(tx, ctx.user_id, request.post_id, archived=True)


@handles(UnarchivePost)
@once
async def unarchive(ctx: Ctx, tx: Tx, request: UnarchivePost) -> PostChangeKept:
    return await _set_archived(tx, ctx.user_id, request.post_id, archived=False)


async def _set_archived(tx: Tx, user_id: UUID, post_id: UUID, *, archived: bool) -> PostChangeKept:
    row = await _there(tx, user_id, post_id)
    if row["is_archived"] is archived:
        return PostChangeKept(post_id=post_id, version=row["version"], changed=False)
    how = {"archived": archived, "fewer": archived}
    return await _changed(tx, ARCHIVE, user_id=user_id, post_id=post_id, **how)


@handles(DeletePost)
@once
async def delete(ctx: Ctx, tx: Tx, request: DeletePost) -> PostChangeKept:
    name = {"user_id": ctx.user_id, "post_id": request.post_id}
    row = await _locked(tx, **name)
    if not row["is_deleted"]:
        deleted = await tx.one(DELETE, **name)
        tx.tell(PostDeleted(post_id=request.post_id), to=[ctx.user_id])
        await _tell_others(tx, **name, fewer=True)
        return PostChangeKept(post_id=request.post_id, changed=True, **deleted)
    return PostChangeKept(post_id=request.post_id, version=row["version"], changed=False)


@handles(RestorePost)
@once
async def restore(ctx: Ctx, tx: Tx, request: RestorePost) -> PostChangeKept:
    name = {"user_id": ctx.user_id, "post_id": request.post_id}
    row = await _locked(tx, **name)
    if row["removed"]:
        raise Forbidden("Staff have removed it: an appeal may bring it back.", field="post_id")
    if not row["is_deleted"]:
        return PostChangeKept(post_id=request.post_id, version=row["version"], changed=False)
    return await _changed(tx, RESTORE, **name, fewer=False)


@handles(ListPostEdits)
async def edits(ctx: Ctx, request: ListPostEdits) -> PostEditPage:
    async with ctx.db.read() as tx:
        await showing.one(tx, ctx.user_id, request.post_id)
        rows = await tx.all(
            EDITS,
            user_id=ctx.user_id,
            post_id=request.post_id,
            before_version=request.before,
            limit=request.limit + 1,
        )
    found = [FormerCaption(**row) for row in rows[: request.limit]]
    return PostEditPage(edits=found, more=len(rows) > request.limit)


@handles(ListArchivedPosts)
async def archived(ctx: Ctx, request: ListArchivedPosts) -> PostPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            ARCHIVED, user_id=ctx.user_id, before_id=request.before, limit=request.limit + 1
        )
        found = [row["post_id"] for row in rows]
        return await showing.page(tx, ctx.user_id, found, request.limit)


@handles(ListDeletedPosts)
async def deleted(ctx: Ctx, request: ListDeletedPosts) -> DeletedPostPage:
    async with ctx.db.read() as tx:
        rows = await tx.all(
            DELETED, user_id=ctx.user_id, before_id=request.before, limit=request.limit + 1
        )
    found = [DeletedPost(**row) for row in rows[: request.limit]]
    return DeletedPostPage(posts=found, more=len(rows) > request.limit)
