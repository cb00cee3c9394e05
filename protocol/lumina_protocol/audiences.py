"""Audiences: lists of people that a user keeps, for posts that are for these only. Nobody else is
told of them, not even who is in one."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Id, NewId, Seq, without_nul
from lumina_protocol.follows import Before, Follower, PageSize
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire

AudienceName = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(without_nul)
]
People = Annotated[list[Id], Field(min_length=1, max_length=100)]


class Audience(Wire):
    audience_id: UUID
    name: str
    member_count: Seq


class AudienceKept(Reply):
    changed: bool
    """False when it was so already."""


class CreateAudience(Request[AudienceKept]):
    op = "audience.create"
    keyed_by: ClassVar[str] = "audience_id"

    audience_id: NewId
    name: AudienceName


class ChangeAudience(Change[AudienceKept]):
    op = "audience.change"

    audience_id: Id
    name: AudienceName


class RemoveAudience(Change[AudienceKept]):
    """Not while posts are for it."""

    op = "audience.remove"

    audience_id: Id


class AddToAudience(Change[AudienceKept]):
    op = "audience.add"

    audience_id: Id
    member_ids: People


class TakeFromAudience(Change[AudienceKept]):
    op = "audience.take"

    audience_id: Id
    member_ids: People


class AudienceList(Reply):
    """By name."""

    audiences: list[Audience]


class ListAudiences(Request[AudienceList]):
    op = "audience.list"


class AudienceMembers(Reply):
    """Newest first."""

    users: list[Follower]
    more: bool


class ListAudienceMembers(Request[AudienceMembers]):
    op = "audience.members"

    audience_id: Id
    before: Before | None = None
    limit: PageSize = 50


class AudienceChanged(PersonalEvent):
    """To whose audience it is."""

    type = "audience.changed"

    audience_id: UUID
    audience: Audience | None = None
    """As it is now; left out when it was removed."""
    added: list[Follower] | None = None
    taken: list[UUID] | None = None
