"""Groups: who may do what in one, and how it shows itself."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lumina_protocol.fields import Id, Seq, without_nul
from lumina_protocol.frame import Change, Reply
from lumina_protocol.members import MembersChanged, Title

Role = Literal["owner", "admin", "member"]
Description = Annotated[str, StringConstraints(max_length=500), AfterValidator(without_nul)]


class SetRole(Change[MembersChanged]):
    """Makes a member of a group its owner, an admin, or neither. Owners may all of it; admins do
    not decide who is an owner. The last owner cannot step down, but leave."""

    op = "member.set_role"
    scope = "messages.write"

    conversation_id: Id
    user_id: Id
    role: Role


class GroupChanged(Reply):
    """The note that tells of it. No rev: all was so already."""

    seq: Seq | None = None
    rev: Seq | None = None


class ChangeConversation(Change[GroupChanged]):
    """Changes the fields of a group that are given, and leaves the others; for its owners and
    admins."""

    op = "conversation.change"
    scope = "messages.write"

    conversation_id: Id
    title: Title | None = None
    description: Description | None = None
    """Empty: it has none."""
    picture_media_id: Id | None = None
    """An image of one's own that is ready."""
    remove_picture: bool = False
    slow_mode_s: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds between two messages of a member who is neither owner nor admin; 0: as they like."""
    who_may_send: Literal["everyone", "admins"] | None = None
    """"admins": the owners too, and nobody else."""

    @model_validator(mode="after")
    def _one_picture(self) -> Self:
        if self.remove_picture and self.picture_media_id is not None:
            raise ValueError("give picture_media_id or remove_picture, not both")
        return self
