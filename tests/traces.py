"""What one user has left on things of others, and what became of their uploads, for the oracle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.comments import Comment, CommentLiked, SyncComments
from lumina_protocol.errors import LuminaError
from lumina_protocol.feed import HomeFeed
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.media_news import MediaFailed, MediaReady, MediaVariant
from lumina_protocol.media_urls import ORIGINAL, GetMediaUrls, MediaUrl
from lumina_protocol.posts import ListPosts
from lumina_protocol.stories import GetTray, ListStories
from lumina_protocol.story_answers import StoriesSeen

from lumina_rt.client import Client
from tests.uploading import BEGUN, look

POSTS = 10
"""The newest, of which all comments are read."""
Outcome = str | frozenset[tuple[object, ...]] | None
"""Of an upload: why it failed, or its variants; None while it is neither."""


@dataclass
class Traces:
    """Of all that the user is shown."""

    likes: dict[UUID, bool] = field(default_factory=dict)
    """Of each comment, whether they like it."""
    seen: dict[UUID, bool] = field(default_factory=dict)
    """Of each story of others."""
    uploads: dict[UUID, Outcome] = field(default_factory=dict)

    def apply(self, news: PersonalEvent) -> None:
        match news:
            case CommentLiked(comment_id=comment_id, liked=liked):
                self.likes[comment_id] = liked
            case StoriesSeen(story_ids=story_ids):
                self.seen |= dict.fromkeys(story_ids, True)
            case MediaReady(media=media, variants=variants):
                self.uploads[media.media_id] = frozenset(_measures(one) for one in variants)
            case MediaFailed(media_id=media_id, error=error):
                self.uploads[media_id] = error

    def of_what_is_shown(self, fresh: Traces) -> Traces:
        """Of what is new there is nothing until it is told, and of what is gone nothing is."""
        return Traces(
            {id_: self.likes.get(id_, False) for id_ in fresh.likes},
            {id_: self.seen.get(id_, False) for id_ in fresh.seen},
            {id_: self.uploads.get(id_) for id_ in fresh.uploads},
        )


def _measures(one: MediaVariant | MediaUrl) -> tuple[object, ...]:
    name = one.name if isinstance(one, MediaVariant) else one.variant
    return name, one.content_type, one.bytes, one.width, one.height


async def traces_of(client: Client, among: Collection[UUID]) -> Traces:
    """`among`: whose posts and stories they may come across, besides those of whom they follow."""
    assert client.ready
    others = {*among} - {client.ready.user_id}
    return Traces(
        {one.comment_id: bool(one.liked) async for one in _comments(client, others)},
        await _stories(client, others),
        {id_: await _outcome(client, id_) for id_ in BEGUN[client.ready.user_id]},
    )


async def _comments(client: Client, others: Collection[UUID]) -> AsyncIterator[Comment]:
    posts = (await client.call(HomeFeed(limit=50))).posts
    for user_id in others:
        posts += (await client.call(ListPosts(user_id=user_id, limit=POSTS))).posts
    for post_id in sorted({post.post_id for post in posts}, reverse=True)[:POSTS]:
        upto, last = 0, 1
        while upto < last:
            page = await client.call(SyncComments(post_id=post_id, after_rev=upto))
            upto, last = page.to_rev, page.last_rev
            for one in page.comments:
                if not one.is_deleted:
                    yield one


async def _stories(client: Client, others: Collection[UUID]) -> dict[UUID, bool]:
    tray = (await client.call(GetTray())).tellers
    assert client.ready
    tellers = {one.author.user_id for one in tray} - {client.ready.user_id}
    found: dict[UUID, bool] = {}
    for user_id in tellers.union(others):
        page = await client.call(ListStories(user_id=user_id, limit=50))
        found |= {story.story_id: story.seen for story in page.stories}
    return found


async def _outcome(client: Client, media_id: UUID) -> Outcome:
    try:
        upload = await look(client, media_id)
    except LuminaError as error:
        assert error.body.code == "not_found"
        return None
    if upload.status == "failed":
        return upload.error
    if upload.status != "ready":
        return None
    urls = (await client.call(GetMediaUrls(media_ids=[media_id]))).urls
    return frozenset(_measures(url) for url in urls if url.variant != ORIGINAL)
