"""How files of strangers are given out, so that a browser does nothing but show them."""

from __future__ import annotations

import mimetypes
from uuid import UUID

from lumina_protocol.media_urls import ORIGINAL

from lumina_rt.blobs.store import Shown

SHOWABLE = ("image/", "video/", "audio/")
ANY = "application/octet-stream"


def shown(media_id: UUID, variant: str, content_type: str) -> Shown:
    """What was made by us is shown in its place; what was uploaded is only saved, under a name of
    ours: its type is what a stranger has said."""
    if variant == ORIGINAL or content_type == "image/svg+xml":
        kind, how = ANY, "attachment"
    else:
        kind, how = (content_type if content_type.startswith(SHOWABLE) else ANY), "inline"
    suffix = mimetypes.guess_extension(content_type) or ".bin"
    return Shown(kind, f'{how}; filename="{media_id}{suffix}"')
