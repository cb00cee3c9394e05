"""Profiles: what one user sees of another."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import model_validator

from lumina_protocol.fields import Id, Millis, Seq, Username
from lumina_protocol.frame import Reply, Request, Wire


class Relation(Wire):
    """How the one who asks stands to the user of a profile."""

    follows: bool = False
    followed_by: bool = False
    close_friend: bool = False
    """Named so by who asks; of the other way nobody is told."""
    requested: bool = False
    """Who asks has asked to follow, and waits for an answer."""
    blocked: bool = False
    """Who asks has blocked them."""


class Profile(Wire):
    user_id: UUID
    username: str
    full_name: str | None = None
    picture_media_id: UUID | None = None
    """An image; `media.urls` says where it is."""
    is_private: bool
    is_verified: bool
    whole: bool
    """False: what is below is not for who asks, and left out."""
    bio: str | None = None
    follower_count: Seq | None = None
    """This and the next two are also left out when the user hides them, or who asks wants no
    numbers (`hide_metrics` of either)."""
    following_count: Seq | None = None
    post_count: Seq | None = None
    created_at: Millis | None = None
    relation: Relation | None = None
    """Left out for oneself."""


class ProfileReply(Reply):
    profile: Profile


class GetUser(Request[ProfileReply]):
    """The profile of a user, by id or by name: one of the two is given."""

    op = "user.get"
    scope = "read"

    user_id: Id | None = None
    username: Username | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.user_id is None) == (self.username is None):
            raise ValueError("give user_id or username, and not both")
        return self
