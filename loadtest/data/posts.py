"""Posts in the order of their time, and what others do to them.

Each post draws 64 bits, and all about it follows from them: a table is written by going over the
posts again, so that nothing has to be kept.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from asyncpg.pgproto.pgproto import UUID

from loadtest.data.people import People, Row
from loadtest.data.scale import Scale
from loadtest.data.shape import Ids, heavy_tail, numbered_draws, remix, share, zipf
from loadtest.data.talk import MOODS
from loadtest.data.words import Texts

HOUR_MS = 3_600_000
VIRAL = 20_000
"""One post of so many has a crowd."""


@dataclass(slots=True)
class Comment:
    comment_id: UUID
    user: int
    parent: int | None
    """Its place among the comments of the post."""
    depth: int
    ms: int
    likes: int
    bits: int
    deleted: bool
    replies: int = 0


class Posts:
    def __init__(self, scale: Scale, people: People) -> None:
        self.scale, self.people, self.time = scale, people, people.time
        self.post_id, self.comment_id = Ids(scale.seed, "post"), Ids(scale.seed, "comment")
        topic_id = Ids(scale.seed, "topic")
        self.topics = [topic_id(self.time.since_ms, n) for n in range(scale.topic_count)]
        self.reacted = heavy_tail(2, min(5000, people.count))
        self.answered = heavy_tail(1, min(1000, people.count))
        self.liked = heavy_tail(1, min(1000, people.count))

    def each(self) -> Iterator[tuple[int, int, int]]:
        """Number, moment and bits of each post."""
        for n, bits in numbered_draws(self.scale.seed, "posts", self.scale.posts):
            yield n, self.time.at((n + 0.5) / self.scale.posts), bits

    def author(self, bits: int) -> int:
        return self.people.popular(share(bits >> 8) ** 0.9)

    def count_by_author(self) -> array[int]:
        """Those that count: neither deleted nor archived."""
        found = array("I", [0]) * self.people.count
        for _, _, bits in self.each():
            found[self.author(bits)] += not (_deleted(bits) or _archived(bits))
        return found

    def reactors(self, n: int, bits: int) -> list[tuple[int, str]]:
        """Users and their moods; the first moods are the common ones."""
        size = self.people.count // 5 if n % VIRAL == VIRAL // 2 else self.reacted[bits & 4095]
        if not size:
            return []
        crowd = self.people.crowd(bits >> 7, size)
        return [(user, MOODS[(bits + user * 7) % 15 % 5]) for user in crowd]

    def comments_of(self, n: int, ms: int, bits: int) -> list[Comment]:
        size = 400 if n % VIRAL == VIRAL // 2 else self.answered[bits >> 12 & 4095]
        made: list[Comment] = []
        for place in range(min(size, 1023)):
            bits = remix(bits + place)
            parent = bits % place if place and bits >> 40 & 1 else None
            if parent is not None and made[parent].depth == 3:
                parent = made[parent].parent
            depth = 0 if parent is None else made[parent].depth + 1
            deleted = bits >> 41 & 63 == 0
            if parent is not None:
                made[parent].replies += not deleted
            at = self.time.after(ms, (place + 1) * (bits >> 20 & 0x3FFFF))
            comment_id = self.comment_id(at, n << 10 | place)
            user = int(self.people.count * share(bits) ** 2)
            likes = self.liked[bits >> 50 & 4095]
            made.append(Comment(comment_id, user, parent, depth, at, likes, bits, deleted))
        return made

    def rows(self) -> Iterator[Row]:
        texts = Texts(self.scale.seed)
        for n, ms, bits in self.each():
            moods = Counter(mood for _, mood in self.reactors(n, bits))
            comments = sum(not comment.deleted for comment in self.comments_of(n, ms, bits))
            deleted, placed = _deleted(bits), bits >> 46 & 31 == 0
            yield (self.post_id(ms, n), self.people.ids[self.author(bits)], texts(bits >> 10),
                   "photo" if bits & 1 else "text", _visibility(bits),
                   round(90 - 180 * share(bits >> 11), 6) if placed else None,
                   round(180 - 360 * share(bits >> 19), 6) if placed else None,
                   *(moods[mood] for mood in MOODS), comments, deleted,
                   self.time.after(ms, HOUR_MS) if deleted else None, _archived(bits),
                   ms, ms, ms)  # fmt: skip

    def reactions(self) -> Iterator[Row]:
        for n, ms, bits in self.each():
            if crowd := self.reactors(n, bits):
                post_id = self.post_id(ms, n)
                for place, (user, mood) in enumerate(crowd):
                    at = self.time.after(ms, (place + 1) * (bits >> 44))
                    yield post_id, self.people.ids[user], mood, at, at

    def comments(self) -> Iterator[Row]:
        texts = Texts(self.scale.seed)
        for n, ms, bits in self.each():
            post_id = self.post_id(ms, n)
            made = self.comments_of(n, ms, bits)
            for one in made:
                parent = None if one.parent is None else made[one.parent].comment_id
                gone = self.time.after(one.ms, HOUR_MS) if one.deleted else None
                yield (one.comment_id, post_id, self.people.ids[one.user], texts(one.bits), parent,
                       one.depth, one.likes, one.replies, one.deleted, gone,
                       one.ms, one.ms)  # fmt: skip

    def comment_likes(self) -> Iterator[Row]:
        for n, ms, bits in self.each():
            for one in self.comments_of(n, ms, bits):
                for user in self.people.crowd(one.bits >> 5, one.likes):
                    yield one.comment_id, self.people.ids[user], one.ms

    def topic_rows(self) -> Iterator[Row]:
        talked, followed = Counter[int](), Counter[int]()
        for _, _, bits in self.each():
            talked.update(self._topics_of(bits))
        for _, topic in self._topic_follows():
            followed[topic] += 1
        for n, topic_id in enumerate(self.topics):
            since = self.time.since_ms
            yield (topic_id, f"topic{n}", f"Topic {n}", talked[n], followed[n],
                   n < 10, n % 97 == 5, since, since)  # fmt: skip

    def _topics_of(self, bits: int) -> set[int]:
        """None, one or two."""
        count = len(self.topics)
        return {zipf(count, share(bits >> 3 + 9 * n)) for n in range((bits >> 33 & 3) % 3)}

    def post_topics(self) -> Iterator[Row]:
        for n, ms, bits in self.each():
            for topic in sorted(self._topics_of(bits)):
                yield self.post_id(ms, n), self.topics[topic], ms

    def _topic_follows(self) -> Iterator[tuple[int, int]]:
        for user, bits in numbered_draws(self.scale.seed, "topic_follows", self.people.count):
            for topic in sorted({zipf(len(self.topics), share(bits >> n * 6)) for n in range(5)}):
                yield user, topic

    def topic_follows(self) -> Iterator[Row]:
        for user, topic in self._topic_follows():
            yield self.people.ids[user], self.topics[topic], self.time.since_ms

    def collection_id(self, user: int) -> UUID:
        return Ids(self.scale.seed, "collection")(self.time.since_ms, user)

    def collections(self) -> Iterator[Row]:
        """Every fourth user has one."""
        since = self.time.since_ms
        for user in range(0, self.people.count, 4):
            yield self.collection_id(user), self.people.ids[user], "Later", since, since

    def bookmarks(self) -> Iterator[Row]:
        for n, ms, bits in self.each():
            if bits >> 3 & 7 == 0:
                user = int(self.people.count * share(bits >> 21) ** 2)
                kept_in = self.collection_id(user) if user % 4 == 0 and bits & 1 else None
                yield self.people.ids[user], self.post_id(ms, n), kept_in, ms


def _deleted(bits: int) -> bool:
    return bits >> 58 == 0


def _archived(bits: int) -> bool:
    return bits >> 58 == 1


def _visibility(bits: int) -> str:
    part = bits >> 52 & 15
    return "private" if part == 0 else "friends" if part < 3 else "public"
