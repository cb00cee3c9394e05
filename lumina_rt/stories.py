"""Stories as one user sees them: whoever answers with stories, or tells of them, reads them here.

`story_for` in sql/migrations/0044_stories.sql says who sees which, and until when.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.stories import NUMBERS, Story, StoryPage
from lumina_protocol.story_answers import StoriesSeen

from lumina_rt.pages import PAGE_BYTES
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

SHOWN = query("stories.shown")
VIEW = query("story_answers.view")


async def shown(tx: Tx, user_id: UUID, story_ids: Sequence[UUID]) -> list[Story]:
    """In this order; without those that are not for the user, or not there."""
    rows = await tx.all(SHOWN, user_id=user_id, ids=story_ids)
    return [Story.model_validate(dict(row)) for row in rows]


async def page(tx: Tx, user_id: UUID, story_ids: Sequence[UUID], limit: int) -> StoryPage:
    """Of the ids that were found for a page of `limit`, one more where there are more; as many as
    fit into one reply. One that has gone since they were found is left out."""
    stories = await shown(tx, user_id, story_ids[:limit])
    size, fit = 0, len(stories)
    for count, story in enumerate(stories):
        size += len(story.model_dump_json(exclude_none=True).encode())
        if size > PAGE_BYTES:
            fit = max(count, 1)
            break
    return StoryPage(stories=stories[:fit], more=len(story_ids) > limit or fit < len(stories))


async def saw(tx: Tx, user_id: UUID, story_ids: Sequence[UUID]) -> None:
    """They have seen these; those that they had not before, their devices are told."""
    rows = await tx.all(VIEW, user_id=user_id, story_ids=story_ids)
    if new := [row["story_id"] for row in rows]:
        tx.touched(*new)
        tx.tell(StoriesSeen(story_ids=new), to=[user_id])


def as_told(story: Story) -> Story:
    """As the events of its author have it: without what changes by itself, for they are kept."""
    stickers = [one.model_copy(update={"votes": None}) for one in story.stickers]
    return story.model_copy(update={**dict.fromkeys(NUMBERS), "stickers": stickers})
