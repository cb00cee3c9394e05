"""How much may be uploaded, and how long URLs are good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumina_rt.config import Settings

KINDS = ("image", "video", "audio", "voice_note", "gif", "sticker")


@dataclass(frozen=True, slots=True)
class MediaRules:
    """Sizes in bytes."""

    most: Mapping[str, int]
    """Of one upload, by its kind."""
    quota: int
    """Of all of one user."""
    under_way: int
    """Uploads of one user."""
    hours: int
    """For which an upload may go on."""
    url_s: int
    """How long URLs are good at least."""
    public_url: str | None
    """Of a CDN."""

    @classmethod
    def of(cls, settings: Settings) -> MediaRules:
        return cls(
            most={kind: getattr(settings, f"max_{kind}") for kind in KINDS},
            quota=settings.media_quota,
            under_way=settings.uploads_open,
            hours=settings.upload_hours,
            url_s=settings.media_url_s,
            public_url=settings.blobs_public_url,
        )
