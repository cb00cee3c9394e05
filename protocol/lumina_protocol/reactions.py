"""React to posts with a mood, one for a user and post."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, Strict

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import Person

Mood = Literal["inspired", "grateful", "curious", "excited", "thoughtful"]
Before = Annotated[tuple[Millis, Id], Strict(False)]
PageSize = Annotated[int, Field(ge=1, le=50)]


class ReactionKept(Reply):
    post_id: UUID
    mood: str | None = None
    """What it is now; None when there is none."""
    changed: bool
    """False when it was so already; then nobody is told."""


class SetReaction(Change[ReactionKept]):
    """Reacts to a post that the user may see, or changes the mood of it."""

    op = "reaction.set"

    post_id: Id
    mood: Mood


class RemoveReaction(Change[ReactionKept]):
    """Takes it back, whatever has become of the post for the user."""

    op = "reaction.remove"

    post_id: Id


class Reactor(Wire):
    """One who has reacted."""

    user: Person
    mood: str
    reacted_at: Millis
    """When they first did; another mood since then leaves it as it is."""


class ReactionPage(Reply):
    """The newest first."""

    reactions: list[Reactor]
    more: bool


class PageReactions(Request[ReactionPage]):
    """Who has reacted to a post. Those between whom and the reader there is a block are left
    out."""

    op = "reaction.page"
    scope = "read"

    post_id: Id
    mood: Mood | None = None
    """Only those of this mood."""
    before: Before | None = None
    """`reacted_at` and `user_id` of the last one had."""
    limit: PageSize = 20


class OwnReaction(Wire):
    post_id: UUID
    mood: str
    reacted_at: Millis


class OwnReactions(Reply):
    """The newest first."""

    reactions: list[OwnReaction]
    more: bool


class ListReactions(Request[OwnReactions]):
    """What the user has reacted to, also where a post is not for them any more."""

    op = "reaction.mine"
    scope = "read"

    before: Before | None = None
    """`reacted_at` and `post_id` of the last one had."""
    limit: PageSize = 20


class ReactionChanged(PersonalEvent):
    """To all devices of who has reacted, or has taken it back."""

    type = "reaction.changed"

    post_id: UUID
    mood: str | None = None
    """None: there is none any more."""
