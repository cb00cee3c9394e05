"""How much is made, and over which time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Scale:
    """The same scale gives the same rows, to the last bit; `until` is part of it.

    `users` None: one for each hundred messages and posts.
    """

    messages: int
    posts: int
    users: int | None = None
    months: int = 12
    seed: int = 1
    until: datetime = field(default_factory=this_hour)
    """The end of the history, in UTC: ids contain their time."""

    @property
    def user_count(self) -> int:
        return self.users or max(50, (self.messages + self.posts) // 100)

    @property
    def conversation_count(self) -> int:
        """At most an eighth of all pairs, so that a pair that is still free is found soon."""
        return max(1, min(self.messages // 12, self.user_count**2 // 8))

    @property
    def topic_count(self) -> int:
        return max(20, self.posts // 500)

    @property
    def story_count(self) -> int:
        return max(10, self.posts // 50)

    @property
    def since(self) -> datetime:
        """A month has 30 days here."""
        return self.until - timedelta(days=30 * self.months)
