"""A user's own stories that have not expired, and their highlights."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from lumina_protocol.frame import PersonalEvent
from lumina_protocol.messages import Message
from lumina_protocol.stories import ListStories, Story, StoryCreated, StoryDeleted
from lumina_protocol.story_highlights import Highlight, HighlightChanged, ListHighlights

from lumina_rt.client import Client
from lumina_rt.stories import as_told


@dataclass
class OwnStories:
    stories: dict[UUID, Story] = field(default_factory=dict)
    """Without numbers."""
    highlights: dict[UUID, Highlight] = field(default_factory=dict)

    def apply(self, news: PersonalEvent) -> None:
        match news:
            case StoryCreated(story=story):
                assert as_told(story) == story, "numbers in an event"
                self.stories[story.story_id] = story
            case StoryDeleted(story_id=story_id):
                self.stories.pop(story_id, None)
                for id_, old in self.highlights.items():
                    kept = [one for one in old.story_ids if one != story_id]
                    self.highlights[id_] = old.model_copy(update={"story_ids": kept})
            case HighlightChanged(highlight_id=highlight_id, highlight=highlight):
                self.highlights.pop(highlight_id, None)
                if highlight:
                    self.highlights[highlight_id] = highlight


def as_read(answer: Message, now: Message | None) -> Message:
    """Of what answers a story: that it is gone comes with nothing, it is read with the message."""
    if answer.story and now and now.story and now.story.is_gone:
        return answer.model_copy(update={"story": now.story})
    return answer


async def own_stories_of(client: Client) -> OwnStories:
    assert client.ready
    own = client.ready.user_id
    page = await client.call(ListStories(user_id=own, limit=50))
    assert not page.more
    highlights = (await client.call(ListHighlights(user_id=own))).highlights
    return OwnStories(
        {story.story_id: as_told(story) for story in page.stories},
        {highlight.highlight_id: highlight for highlight in highlights},
    )
