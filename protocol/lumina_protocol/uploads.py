"""Uploads: pictures, videos and sounds, before they can be used."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from lumina_protocol.fields import Id, Millis, NewId
from lumina_protocol.frame import Reply, Request, Wire

MediaKind = Literal["image", "video", "audio", "voice_note", "gif", "sticker"]
IMAGES = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/gif")
SOUNDS = (
    "audio/aac", "audio/flac", "audio/m4a", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav",
    "audio/webm", "audio/x-m4a", "audio/x-wav",
)  # fmt: skip
CONTENT_TYPES: dict[str, tuple[str, ...]] = {
    "image": IMAGES,
    "video": ("video/mp4", "video/quicktime", "video/webm", "video/3gpp", "video/x-matroska"),
    "audio": SOUNDS,
    "voice_note": SOUNDS,
    "gif": ("image/gif", "image/webp", "video/mp4"),
    "sticker": ("image/webp", "image/png", "image/gif"),
}
"""Of each kind; what it really is, its bytes say when it is processed."""
PART_BYTES = 8 * 1024 * 1024
"""Of all parts but the last, unless there would be more than MAX_PARTS."""
MAX_PARTS = 1000
PARTS_PAGE = 100
MAX_BYTES = 2**40


def part_size(size: int) -> int:
    """In whole MiB, so that an upload of so many bytes has at most MAX_PARTS."""
    mebibyte = 1024 * 1024
    needed = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-needed // mebibyte) * mebibyte)


def part_count(size: int) -> int:
    return -(-size // part_size(size))


class Upload(Wire):
    media_id: UUID
    kind: str
    status: str
    """"uploading", "uploaded" (it waits to be processed), "processing", "ready" or "failed"."""
    content_type: str
    bytes: int
    received: int
    """Of a resumable upload, how many bytes are there; of one in parts, of those that are there."""
    created_at: Millis
    expires_at: Millis | None = None
    """While it is "uploading": when the server gives it up, and forgets it."""
    error: str | None = None
    """Of one that has "failed"."""
    url: str | None = None
    """Path and query on the same host, to `PATCH` the bytes to (tus 1.0); good until
    `expires_at`, or until the login that has asked for it ends. Left out where it has parts."""
    part_bytes: int | None = None
    """Of one in parts: how many bytes each has, but the last."""
    parts: int | None = None
    """How many there are."""
    parts_received: list[int] | None = None
    """Their numbers, from 1. In answers of `upload.create` and `upload.get` only."""


class UploadReply(Reply):
    upload: Upload


class CreateUpload(Request[UploadReply]):
    op = "upload.create"
    scope = "messages.write"
    keyed_by = "media_id"

    media_id: NewId
    kind: MediaKind
    bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]
    """How many there are, exactly."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of all bytes, in hex."""
    content_type: Annotated[str, StringConstraints(max_length=100)]

    @field_validator("content_type")
    @classmethod
    def _fits(cls, content_type: str, info: ValidationInfo) -> str:
        fit = CONTENT_TYPES.get(info.data.get("kind", ""))
        if fit is not None and content_type not in fit:
            raise ValueError(f"must be one of {', '.join(fit)}")
        return content_type


class GetUpload(Request[UploadReply]):
    op = "upload.get"
    scope = "messages.write"

    media_id: Id


class UploadList(Reply):
    uploads: list[Upload]


class ListUploads(Request[UploadList]):
    """Those that are "uploading", oldest first."""

    op = "upload.list"
    scope = "messages.write"


class UploadPart(Wire):
    part: int
    bytes: int
    """Exactly so many have to be sent."""
    url: str
    """To `PUT` the bytes to."""


class PartsReply(Reply):
    parts: list[UploadPart]
    until: Millis
    """How long these URLs are good."""


class GetParts(Request[PartsReply]):
    op = "upload.parts"
    scope = "messages.write"

    media_id: Id
    first: Annotated[int, Field(ge=1, le=MAX_PARTS)] = 1
    limit: Annotated[int, Field(ge=1, le=PARTS_PAGE)] = PARTS_PAGE


class CompleteUpload(Request[UploadReply]):
    """Asked again, it tells how it stands."""

    op = "upload.complete"
    scope = "messages.write"

    media_id: Id


class UploadCancelled(Reply):
    changed: bool
    """False: there was no such upload any more."""


class CancelUpload(Request[UploadCancelled]):
    op = "upload.cancel"
    scope = "messages.write"

    media_id: Id
