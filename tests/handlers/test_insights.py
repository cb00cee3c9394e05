"""What became of a post day by day, also what the counters have not taken in yet."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from lumina_protocol.comments import CreateComment
from lumina_protocol.fields import uuid7
from lumina_protocol.insights import DayOfPost, GetInsights, Insights
from lumina_protocol.post_people import SharePost, View, ViewPosts
from lumina_protocol.settings import ChangeSettings
from pydantic import ValidationError

from lumina_rt.workers.counters import COUNTERS
from tests.handlers.test_blocks import refused
from tests.handlers.test_bookmarks import keep
from tests.handlers.test_posts import House, house
from tests.handlers.test_reactions import react, take_back

__all__ = ["house"]
WRONG = """
select count(*) from counter_values v full join counter_truths t using (counter, subject_id, part)
where counter = any ($1::text[]) and coalesce(value, 0) <> coalesce(truth, 0)"""


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def asked(house: House, post_id: UUID, first: str, last: str) -> Insights:
    return await house.alice.call(GetInsights(post_id=post_id, from_day=first, to_day=last))


async def folded(house: House) -> None:
    async with asyncio.timeout(15):
        while await house.pg.fetchval("select count(*) from counter_deltas"):
            await asyncio.sleep(0.05)


async def test_what_became_of_a_post(house: House) -> None:
    first, post_id = today(), await house.post()
    for client in (house.bob, house.carol, house.bob):
        await client.call(ViewPosts(views=[View(post_id=post_id)]))
    await house.bob.call(react(post_id))
    await house.carol.call(react(post_id, "excited"))
    await house.carol.call(take_back(post_id))
    await house.carol.call(react(post_id, "grateful"))
    await house.bob.call(keep(post_id))
    await house.bob.call(SharePost(share_id=uuid7(), post_id=post_id, via="link"))
    await house.bob.call(CreateComment(post_id=post_id, comment_id=uuid7(), content="hello"))
    last = today()
    expected = DayOfPost(
        day=last,
        views=3,
        unique_views=2,
        reactions={"curious": 1, "grateful": 1},
        comments=1,
        shares=1,
        saves=1,
    )
    if first == last:  # at midnight they are two days
        assert (await asked(house, post_id, first, last)).days == [expected]
        await folded(house)
        assert (await asked(house, post_id, first, last)).days == [expected]
    await folded(house)
    assert await house.pg.fetchval(WRONG, list(COUNTERS)) == 0
    assert (await asked(house, post_id, "2020-01-01", "2020-12-31")).days == []
    of_theirs = GetInsights(post_id=post_id, from_day=first, to_day=last)
    assert await refused(house.bob, of_theirs) == "forbidden post_id"
    of_none = of_theirs.model_copy(update={"post_id": uuid7()})
    assert await refused(house.alice, of_none) == "not_found post_id"
    await house.alice.call(ChangeSettings(op_id=uuid7(), hide_metrics=True))
    assert (await asked(house, post_id, first, last)).days is None


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-02-30", "2026-03-01"),
        ("2026-1-1", "2026-01-02"),
        ("2026-01-02", "2026-01-01"),
        ("2025-01-01", "2026-01-02"),
        ("", ""),
    ],
)
def test_days_that_cannot_be(first: str, last: str) -> None:
    with pytest.raises(ValidationError):
        GetInsights(post_id=uuid7(), from_day=first, to_day=last)
