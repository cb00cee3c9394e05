"""Golden frames of what becomes of uploads."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.media_news import MediaFailed, MediaProgress, MediaReady, MediaVariant
from lumina_protocol.messages import Attachment

from golden.frames import told

MEDIA = UUID("019bc11b-3a60-7c24-8d51-6e7f8091a2b3")
PHOTO = Attachment(
    media_id=MEDIA,
    kind="image",
    content_type="image/jpeg",
    bytes=284_113,
    width=3000,
    height=4000,
    blurhash="L01yLPofM{ofoffQRjayM{ayWBWB",
)
VARIANTS = [
    MediaVariant(name="full", content_type="image/jpeg", bytes=284_113, width=3000, height=4000),
    MediaVariant(name="thumb", content_type="image/webp", bytes=986, width=120, height=160),
]
NOTE = Attachment(media_id=MEDIA, kind="voice_note", content_type="audio/ogg", bytes=48_120)
SOUND = MediaVariant(name="full", content_type="audio/ogg", bytes=48_120)

MEDIA_NEWS = [
    told(MediaProgress(media_id=MEDIA, percent=60)),
    told(MediaReady(media=PHOTO, variants=VARIANTS, user_rev=9)),
    told(
        MediaReady(media=NOTE, variants=[SOUND], not_available="ffmpeg", user_rev=9),
        ", as it came",
    ),
    told(
        MediaFailed(
            media_id=MEDIA,
            code="too_large",
            error="30000 x 20000 pixels; at most 64 megapixels, 16384 on a side.",
            user_rev=9,
        )
    ),
]
