"""What one user has done with posts, their own and those of others, for the oracle."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.bookmarks import (
    Bookmark,
    BookmarkChanged,
    Collection,
    CollectionChanged,
    ListCollections,
    PageBookmarks,
)
from lumina_protocol.frame import PersonalEvent
from lumina_protocol.polls import PollVoted
from lumina_protocol.posts import Post
from lumina_protocol.reactions import ListReactions, ReactionChanged
from lumina_protocol.topics import FollowedTopic, ListFollowedTopics, Topic, TopicFollowChanged

from lumina_rt.client import Client


@dataclass
class Shelf:
    moods: dict[UUID, str] = field(default_factory=dict)
    bookmarks: dict[UUID, Bookmark] = field(default_factory=dict)
    collections: dict[UUID, Collection] = field(default_factory=dict)
    topics: dict[UUID, FollowedTopic] = field(default_factory=dict)

    def apply(self, news: PersonalEvent, posts: dict[UUID, Post]) -> None:
        """`posts`: the user's own, which tell of it too."""
        match news:
            case ReactionChanged(post_id=post_id, mood=mood):
                self.moods.pop(post_id, None)
                if mood:
                    self.moods[post_id] = mood
                _change(posts, post_id, own_reaction=mood)
            case PollVoted(post_id=post_id, own_votes=votes):
                if (post := posts.get(post_id)) and post.poll:
                    _change(posts, post_id, poll=post.poll.model_copy(update={"own_votes": votes}))
            case BookmarkChanged(post_id=post_id, bookmark=bookmark):
                self.bookmarks.pop(post_id, None)
                if bookmark:
                    self.bookmarks[post_id] = bookmark
                _change(posts, post_id, bookmarked=bookmark is not None)
            case CollectionChanged(collection_id=id_, collection=collection):
                self.collections.pop(id_, None)
                if collection:
                    self.collections[id_] = collection
                else:
                    self._release(id_)
            case TopicFollowChanged():
                self._topic(news)

    def _topic(self, news: TopicFollowChanged) -> None:
        self.topics.pop(news.topic_id, None)
        if news.followed:
            self.topics[news.topic_id] = news.followed

    def _release(self, collection_id: UUID) -> None:
        """What it held is in none."""
        for post_id, bookmark in self.bookmarks.items():
            if bookmark.collection_id == collection_id:
                free = bookmark.model_copy(update={"collection_id": None})
                self.bookmarks[post_id] = free


def _change(posts: dict[UUID, Post], post_id: UUID, **changes: object) -> None:
    if post := posts.get(post_id):
        posts[post_id] = post.model_copy(update=changes)


async def shelf_of(client: Client) -> Shelf:
    moods = await client.call(ListReactions(limit=50))
    kept = await client.call(PageBookmarks(limit=50))
    topics = await client.call(ListFollowedTopics(limit=100))
    assert not moods.more
    assert not kept.more
    assert not topics.more
    collections = (await client.call(ListCollections())).collections
    return Shelf(
        moods={one.post_id: one.mood for one in moods.reactions},
        bookmarks={one.bookmark.post_id: one.bookmark for one in kept.kept},
        collections={one.collection_id: one for one in collections},
        topics={one.topic_id: _followed(one) for one in topics.topics},
    )


def _followed(topic: Topic) -> FollowedTopic:
    return FollowedTopic.model_validate(topic.model_dump(include=set(FollowedTopic.model_fields)))
