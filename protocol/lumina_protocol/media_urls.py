"""Where media are fetched from."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from lumina_protocol.fields import Id, Millis
from lumina_protocol.frame import Reply, Request, Wire
from lumina_protocol.messages import each_once

MAX_MEDIA = 50
ORIGINAL = "original"
"""What was uploaded, byte for byte: for its owner alone."""


class MediaUrl(Wire):
    media_id: UUID
    variant: str
    """A size or a thumbnail; "original" is what was uploaded, for its owner alone."""
    content_type: str
    bytes: int | None = None
    width: int | None = None
    """In pixels."""
    height: int | None = None
    url: str
    """Where it begins with "/", path and query on the same host. `GET` fetches it, parts of it
    too (`Range`)."""


class MediaUrls(Reply):
    urls: list[MediaUrl]
    """Nothing of what there is not, or not for the user."""
    until: Millis
    """How long they are good at least, whatever becomes of what shows them."""


class GetMediaUrls(Request[MediaUrls]):
    op = "media.urls"
    scope = "read"

    media_ids: Annotated[
        list[Id], Field(min_length=1, max_length=MAX_MEDIA), AfterValidator(each_once)
    ]
    conversation_id: Id | None = None
    """In which they were seen, for those of messages."""
