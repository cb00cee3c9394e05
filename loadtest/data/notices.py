"""Stories, their media, and the notifications of what happened."""

from __future__ import annotations

from collections.abc import Iterator

from asyncpg.pgproto.pgproto import UUID

from loadtest.data.people import Row
from loadtest.data.posts import HOUR_MS, Posts
from loadtest.data.shape import Ids, heavy_tail, numbered_draws, share
from loadtest.data.talk import Talk

EVERY = 8
"""Of one post, or conversation, in so many the notifications are still there."""
ACTORS = 5
"""As many of a group have a row each."""


class Notices:
    def __init__(self, posts: Posts, talk: Talk) -> None:
        self.posts, self.talk = posts, talk
        self.people, self.time, self.scale = posts.people, posts.time, posts.scale
        self.story_id, self.media_id = (Ids(self.scale.seed, kind) for kind in ("story", "media"))
        self.seen = heavy_tail(12, min(3000, self.people.count))

    def _stories(self) -> Iterator[tuple[int, int, int, int]]:
        """Number, moment, author and bits; the last tenth is of the last day."""
        count = self.scale.story_count
        for n, bits in numbered_draws(self.scale.seed, "stories", count):
            old = self.time.at((n + 0.5) / count)
            ms = old if n % 10 else self.time.until_ms - 23 * HOUR_MS * (count - n) // count - 1
            yield n, ms, self.people.popular(share(bits)), bits

    def media(self) -> Iterator[Row]:
        for n, ms, author, bits in self._stories():
            raw = self.media_id.raw(ms, n)
            yield (UUID(raw), self.people.ids[author], "image", "ready", "image/webp",
                   50_000 + (bits >> 40 & 0xFFFF), raw + raw, f"stories/{n}", None, ms,
                   ms)  # fmt: skip

    def stories(self) -> Iterator[Row]:
        for n, ms, author, bits in self._stories():
            views = len(self.people.crowd(bits >> 5, self.seen[bits & 4095]))
            visibility = "public" if n % 3 else "followers"
            yield (self.story_id(ms, n), self.people.ids[author], self.media_id(ms, n), "image",
                   visibility, views, ms, ms, ms + 24 * HOUR_MS)  # fmt: skip

    def story_views(self) -> Iterator[Row]:
        for n, ms, _, bits in self._stories():
            story_id = self.story_id(ms, n)
            for place, user in enumerate(self.people.crowd(bits >> 5, self.seen[bits & 4095])):
                yield story_id, self.people.ids[user], self.time.after(ms, place * 90_000)

    def groups(self) -> Iterator[Row]:
        """Every third is still unread, and so are its notifications."""
        for user, key, kind, actors, ms, n, _ in self._notified():
            read = _read(n, ms)
            yield self.people.ids[user], key, kind, len(actors), read is not None, read, ms, ms, ms

    def rows(self) -> Iterator[Row]:
        make = Ids(self.scale.seed, "notification")
        number = 0
        for user, key, kind, actors, ms, n, about in self._notified():
            read = _read(n, ms)
            for actor in actors[:ACTORS]:
                number += 1
                yield (self.people.ids[user], make(ms, number), kind, key, f"New {kind}",
                       self.people.ids[actor], *about, read is not None, read, ms)  # fmt: skip

    def _notified(self) -> Iterator[tuple[int, str, str, list[int], int, int, Row]]:
        """User, group key, type, actors, moment, number, and what it is about: post, comment,
        conversation, story."""
        yield from self._of_posts()
        yield from self._of_conversations()
        for n, ms, author, bits in self._stories():
            if n % EVERY == 0:
                story_id = self.story_id(ms, n)
                actor = int(self.people.count * share(bits >> 9))
                key, about = f"story:{story_id}", (None, None, None, story_id)
                yield author, key, "reaction", [actor], ms, n, about

    def _of_posts(self) -> Iterator[tuple[int, str, str, list[int], int, int, Row]]:
        for n, ms, bits in self.posts.each():
            if n % EVERY == 0 and (crowd := self.posts.reactors(n, bits)):
                post_id = self.posts.post_id(ms, n)
                actors = [user for user, _ in crowd]
                author, about = self.posts.author(bits), (post_id, None, None, None)
                yield author, f"reaction:{post_id}", "reaction", actors, ms, n, about
            elif n % EVERY == 1 and (made := self.posts.comments_of(n, ms, bits)):
                post_id = self.posts.post_id(ms, n)
                author, first, key = self.posts.author(bits), made[0], f"comment:{post_id}"
                notice: Row = (post_id, first.comment_id, None, None)
                yield author, key, "comment", [first.user], ms, n, notice

    def _of_conversations(self) -> Iterator[tuple[int, str, str, list[int], int, int, Row]]:
        for n, conversation_id in enumerate(self.talk.ids):
            if n % EVERY == 0:
                to, actor = self.talk.who(n)[:2]
                ms, about = self.talk.updated[n], (None, None, conversation_id, None)
                yield to, f"message:{conversation_id}", "message", [actor], ms, n, about


def _read(number: int, ms: int) -> int | None:
    return None if number // EVERY % 3 == 0 else ms
