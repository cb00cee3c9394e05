"""Search in what one may read."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, StringConstraints

from lumina_protocol.fields import Id, Millis, Seq, without_nul
from lumina_protocol.frame import Reply, Request, Wire
from lumina_protocol.messages import Message

Query = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(without_nul)]
Language = Literal[
    "ar", "ca", "da", "de", "el", "en", "es", "eu", "fi", "fr", "ga", "hi", "hu", "hy", "id", "it",
    "lt", "ne", "nl", "no", "pt", "ro", "ru", "sr", "sv", "ta", "tr", "yi",
]  # fmt: skip
"""ISO 639-1 codes of the languages whose stems are known."""


class SearchHit(Wire):
    message: Message
    highlights: list[tuple[int, int]]
    """The words that were found: from which character (Unicode code point) of `content` on, and
    up to which one, which is not marked itself."""


class SearchPage(Reply):
    """Newest first."""

    hits: list[SearchHit]
    cursor: tuple[Millis, UUID, Seq] | None = None
    """Of the next page; None when this was the last one. Its time says from when on all was looked
    through: of words that are in very many messages a page may have few hits, or none, and the
    cursor goes on with the older ones."""


class SearchMessages(Request[SearchPage]):
    """The messages with all the words of `query`: "or" wants either side, "-" before a word none
    of it, quotes exactly these words in this order. The last word may be incomplete."""

    op = "message.search"
    scope = "read"
    limited_as = "search"

    query: Query
    language: Language | None = None
    """What the user writes in: "run" then finds "running" too. None: words as they are."""
    conversation_id: Id | None = None
    from_user_id: Id | None = None
    before: Millis | None = None
    after: Millis | None = None
    has_media: bool | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    cursor: Annotated[tuple[Millis, Id, Seq], Strict(False)] | None = None
