"""Members: all of them, in pages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict, StringConstraints

from lumina_protocol.conversations import Member
from lumina_protocol.fields import Id, without_nul
from lumina_protocol.frame import Reply, Request

Name = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(without_nul)]


class MemberPage(Reply):
    """Owners, then admins, then the others; each of them by their names."""

    members: list[Member]
    more: bool


class ListMembers(Request[MemberPage]):
    """Who is in a conversation, for its members: the page behind `after` (`role` and `username` of
    the last one had), or the first. Whoever has another role or name meanwhile may be on two pages,
    or on none."""

    op = "member.list"
    scope = "read"

    conversation_id: Id
    after: Annotated[tuple[Literal["owner", "admin", "member"], Name], Strict(False)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    prefix: Name | None = None
    """Only those whose usernames begin like this, as usernames are compared."""
