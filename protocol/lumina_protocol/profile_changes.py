"""What a user says of themselves in their profile."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from lumina_protocol.fields import FullName, Id, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Wire

Bio = Annotated[str, StringConstraints(max_length=500), AfterValidator(without_nul)]


class OwnProfile(Wire):
    """Left out is what there is none of."""

    full_name: str | None = None
    bio: str | None = None
    picture_media_id: Id | None = None


class ProfileKept(Reply):
    changed: bool
    """False when all was so already. What the profile says now, `profile.changed` tells."""


class ChangeProfile(Change[ProfileKept]):
    """Changes the fields that are given, and leaves the others."""

    op = "profile.change"

    full_name: FullName | None = None
    """Empty: there is none."""
    bio: Bio | None = None
    """Likewise."""
    picture_media_id: Id | None = None
    """An image of one's own that is ready."""
    remove_picture: bool = False

    @model_validator(mode="after")
    def _one_picture(self) -> Self:
        if self.remove_picture and self.picture_media_id is not None:
            raise ValueError("give picture_media_id or remove_picture, not both")
        return self


class ProfileChanged(PersonalEvent):
    type = "profile.changed"

    profile: OwnProfile
    """All of it, as it is now."""
