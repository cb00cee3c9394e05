"""Bookmarks, and the collections that they are in: told to the devices of their user alone."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.bookmarks import (
    MAX_COLLECTIONS,
    Bookmark,
    BookmarkChanged,
    BookmarkKept,
    BookmarkPage,
    ChangeCollection,
    Collection,
    CollectionChanged,
    CollectionKept,
    CollectionList,
    CreateCollection,
    KeptPost,
    ListCollections,
    PageBookmarks,
    RemoveBookmark,
    RemoveCollection,
    SetBookmark,
)
from lumina_protocol.errors import Conflict, Invalid, NotFound

from lumina_rt import access, showing
from lumina_rt.once import once
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

COLLECTION = query("bookmarks.collection")
SET = query("bookmarks.set")
ONE = query("bookmarks.one")
REMOVE = query("bookmarks.remove")
PAGE = query("bookmarks.page")
OF_COLLECTION = query("bookmarks.page_of_collection")
CREATE = query("bookmarks.create")
COUNT = query("bookmarks.count")
SAME_NAME = query("bookmarks.same_name")
CHANGE = query("bookmarks.change")
REMOVE_COLLECTION = query("bookmarks.remove_collection")
COLLECTIONS = query("bookmarks.collections")
LOCK = query("user_events.lock")


@handles(SetBookmark)
@once
async def set_bookmark(ctx: Ctx, tx: Tx, request: SetBookmark) -> BookmarkKept:
    name = {"user_id": ctx.user_id, "post_id": request.post_id}
    if request.collection_id is not None:
        await _collection(tx, ctx.user_id, request.collection_id)
    made = await tx.maybe(SET, collection_id=request.collection_id, **name)
    if made is None:
        raise access.no_post()
    kept = Bookmark.model_validate(dict(await tx.one(ONE, **name)))
    changed = made["bookmarked_at"] is not None
    if changed:
        tx.tell(BookmarkChanged(post_id=request.post_id, bookmark=kept), to=[ctx.user_id])
    return BookmarkKept(bookmark=kept, changed=changed)


@handles(RemoveBookmark)
@once
async def remove(ctx: Ctx, tx: Tx, request: RemoveBookmark) -> BookmarkKept:
    gone = await tx.maybe(REMOVE, user_id=ctx.user_id, post_id=request.post_id)
    if gone is not None:
        tx.tell(BookmarkChanged(post_id=request.post_id), to=[ctx.user_id])
    return BookmarkKept(changed=gone is not None)


@handles(PageBookmarks)
async def page(ctx: Ctx, request: PageBookmarks) -> BookmarkPage:
    before_ms, before_id = request.before or (None, None)
    place = {"before_ms": before_ms, "before_id": before_id, "limit": request.limit + 1}
    async with ctx.db.read() as tx:
        if request.collection_id is None:
            rows = await tx.all(PAGE, user_id=ctx.user_id, **place)
        else:
            await _collection(tx, ctx.user_id, request.collection_id)
            named = {"user_id": ctx.user_id, "collection_id": request.collection_id}
            rows = await tx.all(OF_COLLECTION, **named, **place)
        found = {row["post_id"]: row for row in rows[: request.limit]}
        posts = await showing.shown(tx, ctx.user_id, list(found))
    fit = showing.fitting(posts)
    kept = [
        KeptPost(bookmark=Bookmark.model_validate(dict(found[post.post_id])), post=post)
        for post in fit
    ]
    return BookmarkPage(kept=kept, more=len(rows) > request.limit or len(fit) < len(posts))


@handles(CreateCollection)
@once
async def create(ctx: Ctx, tx: Tx, request: CreateCollection) -> CollectionKept:
    await tx.run(LOCK, user_ids=[ctx.user_id])
    if (await tx.one(COUNT, user_id=ctx.user_id))["count"] >= MAX_COLLECTIONS:
        raise Invalid(f"A user has at most {MAX_COLLECTIONS} collections.", field="collection_id")
    name = {"new_collection_id": request.collection_id, "user_id": ctx.user_id}
    row = await tx.maybe(CREATE, name=request.name, **name)
    if row is None:
        named = {"user_id": ctx.user_id, "collection_id": request.collection_id}
        same = await tx.maybe(SAME_NAME, name=request.name, **named)
        raise _taken() if same is not None else Conflict(field="collection_id")
    return _told(ctx, tx, request.collection_id, Collection.model_validate(dict(row)))


@handles(ChangeCollection)
@once
async def change(ctx: Ctx, tx: Tx, request: ChangeCollection) -> CollectionKept:
    await tx.run(LOCK, user_ids=[ctx.user_id])
    name = {"user_id": ctx.user_id, "collection_id": request.collection_id}
    if (await _collection(tx, **name)).name == request.name:
        return CollectionKept(collection_id=request.collection_id, changed=False)
    if await tx.maybe(SAME_NAME, name=request.name, **name) is not None:
        raise _taken()
    row = await tx.one(CHANGE, name=request.name, **name)
    return _told(ctx, tx, request.collection_id, Collection.model_validate(dict(row)))


@handles(RemoveCollection)
@once
async def remove_collection(ctx: Ctx, tx: Tx, request: RemoveCollection) -> CollectionKept:
    name = {"user_id": ctx.user_id, "collection_id": request.collection_id}
    if await tx.maybe(REMOVE_COLLECTION, **name) is None:
        return CollectionKept(collection_id=request.collection_id, changed=False)
    return _told(ctx, tx, request.collection_id, None)


@handles(ListCollections)
async def collections(ctx: Ctx, request: ListCollections) -> CollectionList:
    async with ctx.db.read() as tx:
        rows = await tx.all(COLLECTIONS, user_id=ctx.user_id)
    return CollectionList(collections=[Collection.model_validate(dict(row)) for row in rows])


async def _collection(tx: Tx, user_id: UUID, collection_id: UUID) -> Collection:
    """Raises NotFound."""
    row = await tx.maybe(COLLECTION, user_id=user_id, collection_id=collection_id)
    if row is None:
        raise NotFound("There is no such collection, or it is not yours.", field="collection_id")
    return Collection.model_validate(dict(row))


def _taken() -> Conflict:
    return Conflict("You have a collection of this name.", field="name")


def _told(ctx: Ctx, tx: Tx, collection_id: UUID, now: Collection | None) -> CollectionKept:
    told = CollectionChanged(collection_id=collection_id, collection=now)
    tx.tell(told, to=[ctx.user_id])
    return CollectionKept(collection_id=collection_id, changed=True)
