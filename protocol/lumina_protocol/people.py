"""People: whom one may know, and who has a name that begins so."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from lumina_protocol.fields import Seq, without_nul
from lumina_protocol.follows import KnownUser
from lumina_protocol.frame import Reply, Request


class SuggestedUser(KnownUser):
    mutual: Seq | None = None
    """How many of those whom the user follows follow them, as far as that was counted. None where
    the user wants no numbers (`hide_metrics`)."""


class Suggestions(Reply):
    """Those with the most first."""

    users: list[SuggestedUser]


class SuggestUsers(Request[Suggestions]):
    """Who is followed by those whom the user follows."""

    op = "user.suggestions"

    limit: Annotated[int, Field(ge=1, le=50)] = 20


class FoundUsers(Reply):
    """Whom the user follows first, then by name."""

    users: list[KnownUser]


class SearchUsers(Request[FoundUsers]):
    """Users whose name begins with these letters."""

    op = "user.search"
    scope = "read"

    prefix: Annotated[
        str, StringConstraints(min_length=1, max_length=60), AfterValidator(without_nul)
    ]
    limit: Annotated[int, Field(ge=1, le=50)] = 20
