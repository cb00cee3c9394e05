"""Replies to stories: messages to their authors that carry the story."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.fields import Content, Id, Millis, NewId, Seq
from lumina_protocol.frame import Change, Reply


class StoryReplied(Reply):
    """The message is on disk."""

    conversation_id: UUID
    """The direct one of the two, opened for this when they had none."""
    message_id: UUID
    seq: Seq
    rev: Seq
    created_at: Millis


class ReplyToStory(Change[StoryReplied]):
    """Writes to the author of a story that the user may see now. The message has the id `op_id`."""

    op = "story.reply"
    scope = "messages.write"
    limited_as = "message"

    story_id: Id
    conversation_id: NewId
    """Of the conversation, when the two have none yet."""
    content: Content
