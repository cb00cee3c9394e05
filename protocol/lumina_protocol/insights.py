"""What became of a post day by day, for its author."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, ValidationInfo, field_validator

from lumina_protocol.fields import Id
from lumina_protocol.frame import Reply, Request, Wire

MAX_DAYS = 366


def a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", min_length=10, max_length=10),
    AfterValidator(a_day),
]
"""Of UTC, as "2026-01-15" (RFC 3339, full-date)."""


class DayOfPost(Wire):
    """What was added on a day, less what was taken back on it: a number may be below 0."""

    day: str
    views: int
    unique_views: int
    """Each viewer once."""
    reactions: dict[str, int]
    """By mood; those without a change are left out."""
    comments: int
    shares: int
    saves: int
    """Bookmarks."""


class Insights(Reply):
    post_id: UUID
    days: list[DayOfPost] | None = None
    """In their order, without those on which nothing was. None for an author who wants no
    numbers."""


class GetInsights(Request[Insights]):
    """What became of one's own post from one day to another, both with it, up to 366 days."""

    op = "post.insights"
    scope = "read"

    post_id: Id
    from_day: Day
    to_day: Day

    @field_validator("to_day")
    @classmethod
    def _after(cls, to_day: str, info: ValidationInfo) -> str:
        if (first := info.data.get("from_day")) is None:
            return to_day
        days = (date.fromisoformat(to_day) - date.fromisoformat(first)).days
        if not 0 <= days < MAX_DAYS:
            raise ValueError(f"must be up to {MAX_DAYS - 1} days after from_day")
        return to_day
