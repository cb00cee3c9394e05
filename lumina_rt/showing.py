"""Posts as one user sees them: whoever answers with posts, or tells of them, reads them here.

`post_for` in sql/migrations/0041_posts.sql says who sees which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import NotFound
from lumina_protocol.posts import NUMBERS, Post, PostChanged, PostPage

from lumina_rt.pages import PAGE_BYTES
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

SHOWN = query("posts.shown")


async def shown(tx: Tx, user_id: UUID, post_ids: Sequence[UUID]) -> list[Post]:
    """In this order; without those that are not for the user, or not there."""
    rows = await tx.all(SHOWN, user_id=user_id, ids=post_ids)
    return [Post.model_validate(dict(row)) for row in rows]


async def one(tx: Tx, user_id: UUID, post_id: UUID, *, field: str = "post_id") -> Post:
    """Raises NotFound with this field."""
    found = await shown(tx, user_id, [post_id])
    if not found:
        raise not_found(field)
    return found[0]


def not_found(field: str = "post_id") -> NotFound:
    return NotFound("There is no such post, or not for you.", field=field)


async def page(tx: Tx, user_id: UUID, post_ids: Sequence[UUID], limit: int) -> PostPage:
    """Of the ids that were found for a page of `limit`, one more where there are more; as many as
    fit into one reply. One that has gone since they were found is left out."""
    posts = await shown(tx, user_id, post_ids[:limit])
    fit = fitting(posts)
    return PostPage(posts=fit, more=len(post_ids) > limit or len(fit) < len(posts))


def fitting(posts: list[Post]) -> list[Post]:
    """As many of the first posts as fit into one reply, and at least one."""
    size = 0
    for count, post in enumerate(posts):
        size += len(post.model_dump_json(exclude_none=True).encode())
        if size > PAGE_BYTES:
            return posts[: max(count, 1)]
    return posts


def as_told(post: Post) -> Post:
    """As the events of its author have it: without what changes by itself, for they are kept."""
    poll = post.poll
    if poll is not None:
        options = [option.model_copy(update={"votes": None}) for option in poll.options]
        poll = poll.model_copy(update={"options": options})
    return post.model_copy(update={**dict.fromkeys(NUMBERS), "poll": poll})


async def tell_author(tx: Tx, author_id: UUID, post_id: UUID) -> None:
    """What a post is now, to all devices of its author."""
    post = await one(tx, author_id, post_id)
    tx.tell(PostChanged(post=as_told(post)), to=[author_id])
