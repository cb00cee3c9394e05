"""Bookmarks: posts that a user keeps for later, in collections or not. Nobody else sees them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, StringConstraints

from lumina_protocol.fields import Id, Millis, NewId, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.posts import Post

MAX_COLLECTIONS = 200
Before = Annotated[tuple[Millis, Id], Strict(False)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(without_nul),
]


class Bookmark(Wire):
    post_id: UUID
    collection_id: UUID | None = None
    bookmarked_at: Millis


class BookmarkKept(Reply):
    bookmark: Bookmark | None = None
    """As it is now; None when there is none."""
    changed: bool
    """False when it was so already; then nobody is told."""


class SetBookmark(Change[BookmarkKept]):
    """Keeps a post that the user may see, or moves it to another collection."""

    op = "bookmark.set"

    post_id: Id
    collection_id: Id | None = None
    """None: in no collection."""


class RemoveBookmark(Change[BookmarkKept]):
    """Whatever has become of the post for the user."""

    op = "bookmark.remove"

    post_id: Id


class KeptPost(Wire):
    bookmark: Bookmark
    post: Post


class BookmarkPage(Reply):
    """The newest first."""

    kept: list[KeptPost]
    more: bool


class PageBookmarks(Request[BookmarkPage]):
    """What the user has kept. A post that is not for them now is left out, and there again when it
    is. Long ones make a page shorter than `limit`."""

    op = "bookmark.page"
    scope = "read"

    collection_id: Id | None = None
    """Only those of this one."""
    before: Before | None = None
    """`bookmarked_at` and `post_id` of the last one had."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class Collection(Wire):
    collection_id: UUID
    name: str
    created_at: Millis


class CollectionKept(Reply):
    collection_id: UUID
    changed: bool
    """False when it was so already; then nobody is told."""


class CreateCollection(Request[CollectionKept]):
    """A retry with the same `collection_id` gets the first answer, for 30 days. Up to 200, of
    different names."""

    op = "collection.create"
    keyed_by = "collection_id"

    collection_id: NewId
    name: Name


class ChangeCollection(Change[CollectionKept]):
    op = "collection.change"

    collection_id: Id
    name: Name


class RemoveCollection(Change[CollectionKept]):
    """What it holds stays bookmarked, in no collection."""

    op = "collection.remove"

    collection_id: Id


class CollectionList(Reply):
    """By their names."""

    collections: list[Collection]


class ListCollections(Request[CollectionList]):
    op = "collection.list"
    scope = "read"


class BookmarkChanged(PersonalEvent):
    """To all devices of the user."""

    type = "bookmark.changed"

    post_id: UUID
    bookmark: Bookmark | None = None
    """None: there is none any more."""


class CollectionChanged(PersonalEvent):
    """Likewise."""

    type = "collection.changed"

    collection_id: UUID
    collection: Collection | None = None
    """None: there is none any more, and what it held is in none."""
