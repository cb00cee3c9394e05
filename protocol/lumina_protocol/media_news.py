"""What becomes of an upload once its bytes are there."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from lumina_protocol.frame import Event, PersonalEvent, Wire
from lumina_protocol.messages import Attachment


class MediaVariant(Wire):
    name: str
    """"full" is what is kept; "medium" (1280 pixels on the longer side), "small" (480) and "thumb"
    (160) are where they are smaller than it; "poster" is a picture of what moves."""
    content_type: str
    bytes: int
    width: int | None = None
    """In pixels."""
    height: int | None = None


class MediaProgress(Event):
    """To the owner's own devices, at most once a second while it is processed. Not kept."""

    type = "media.progress"

    media_id: UUID
    percent: Annotated[int, Field(ge=0, le=100)]
    """May begin again, when another node has to."""


class MediaReady(PersonalEvent):
    """To the owner's own devices: it can be used in messages, posts, comments and stories."""

    type = "media.ready"

    media: Attachment
    variants: list[MediaVariant]
    not_available: str | None = None
    """"ffmpeg": the server does not have it, so duration, size, poster and waveform are not there,
    and the file was kept as it came."""


class MediaFailed(PersonalEvent):
    """To the owner's own devices: it is not taken; there has to be another upload."""

    type = "media.failed"

    media_id: UUID
    code: str
    """"type", "kind", "polyglot", "truncated", "broken", "codec", "too_large", "too_long",
    "memory", "time" or "internal", or what a newer server has."""
    error: str
    """A sentence in English, for logs."""
