"""Users and who follows whom. All users were there before the history begins."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from asyncpg.pgproto.pgproto import UUID

from loadtest.data.scale import Scale
from loadtest.data.shape import (
    Ids,
    Timeline,
    heavy_tail,
    numbered_draws,
    remix,
    share,
    stride,
    zipf,
)

MONTH_MS = 30 * 86_400_000
Row = tuple[object, ...]


class People:
    """`ids` is in the order of the numbers by which all else refers to users."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.time = Timeline(scale.since, scale.until)
        self.count = scale.user_count
        self.step = stride(self.count)
        make = Ids(scale.seed, "user")
        self.ids: list[UUID] = [make(self.born(n), n) for n in range(self.count)]

    def born(self, number: int) -> int:
        return self.time.since_ms - MONTH_MS + MONTH_MS * number // self.count

    def popular(self, at: float) -> int:
        """A user by Zipf's law; who is popular has nothing to do with when they came."""
        return zipf(self.count, at) * self.step % self.count

    def crowd(self, bits: int, size: int) -> list[int]:
        """Different users, `size` of them or all."""
        first = int(self.count * share(bits) ** 2)
        return [(first + n * self.step) % self.count for n in range(min(size, self.count))]

    def rows(self, posts_of: array[int]) -> Iterator[Row]:
        """Of `users`; needs how many posts count for each."""
        follows, followed = self._tally()
        for n, user_id in enumerate(self.ids):
            born = self.born(n)
            yield (user_id, f"user{n}", f"user{n}", "!", f"User {n}", n % 10 == 7, n % 500 == 3,
                   followed[n], follows[n], posts_of[n], born, born)  # fmt: skip

    def follows(self) -> Iterator[Row]:
        """Of `follows`: each has some that they follow, mostly the popular ones."""
        span = self.time.until_ms - self.time.since_ms
        for follower, followed, bits in self._edges():
            at = self.time.since_ms + int(span * share(bits >> 17))
            yield self.ids[follower], self.ids[followed], _kind(bits), bits & 3 != 0, at, at

    def _edges(self) -> Iterator[tuple[int, int, int]]:
        many = heavy_tail(20, max(1, min(500, self.count // 3)))
        for follower, drawn in numbered_draws(self.scale.seed, "follows", self.count):
            bits, seen = drawn, {follower}
            for _ in range(many[drawn & 4095]):
                bits = remix(bits + 1)
                followed = self.popular(share(bits))
                if followed not in seen:
                    seen.add(followed)
                    yield follower, followed, bits

    def _tally(self) -> tuple[array[int], array[int]]:
        follows, followed = array("I", [0]) * self.count, array("I", [0]) * self.count
        for one, other, bits in self._edges():
            if _kind(bits) != "blocked":
                follows[one] += 1
                followed[other] += 1
        return follows, followed


def _kind(bits: int) -> str:
    part = bits >> 56
    return "blocked" if part < 4 else "close_friend" if part < 16 else "follow"
