"""Golden frames of uploads, and of where media are fetched from."""

from __future__ import annotations

from lumina_protocol.media_urls import GetMediaUrls, MediaUrl, MediaUrls
from lumina_protocol.uploads import (
    CancelUpload,
    CompleteUpload,
    CreateUpload,
    GetParts,
    GetUpload,
    ListUploads,
    PartsReply,
    Upload,
    UploadCancelled,
    UploadList,
    UploadPart,
    UploadReply,
)

from golden.frames import CONVERSATION, MEDIA, MINUTE, NOW, SESSION, answered, asked

SIGNED = f"login={SESSION}&until={NOW + 1440 * MINUTE}&signature=9f2c"
BEGUN = Upload(
    media_id=MEDIA,
    kind="image",
    status="uploading",
    content_type="image/jpeg",
    bytes=2_481_152,
    received=0,
    created_at=NOW,
    expires_at=NOW + 1440 * MINUTE,
    url=f"/v1/uploads/{MEDIA}?{SIGNED}",
)
HALF = BEGUN.model_copy(update={"received": 1_048_576})
DONE = BEGUN.model_copy(
    update={"status": "uploaded", "received": 2_481_152, "expires_at": None, "url": None}
)
IN_PARTS = Upload(
    media_id=MEDIA,
    kind="video",
    status="uploading",
    content_type="video/mp4",
    bytes=20_971_520,
    received=8_388_608,
    created_at=NOW,
    expires_at=NOW + 1440 * MINUTE,
    part_bytes=8_388_608,
    parts=3,
    parts_received=[1],
)
FAILED = DONE.model_copy(update={"status": "failed", "error": "not_an_image"})
BUCKET = "https://s3.example/media/uploads/019bc119-1f2e?partNumber=2&X-Amz-Signature=9f2c"
NOBODY = "00000000-0000-0000-0000-000000000000"
LARGE = MediaUrl(
    media_id=MEDIA,
    variant="large",
    content_type="image/webp",
    bytes=181_204,
    width=1600,
    height=1200,
    url=f"/v1/media/{MEDIA}/large?login={NOBODY}&until={NOW + 120 * MINUTE}&signature=41d0",
)

UPLOADS = [
    asked(
        5,
        CreateUpload(
            media_id=MEDIA,
            kind="image",
            bytes=2_481_152,
            sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            content_type="image/jpeg",
        ),
    ),
    answered(5, "upload.create", UploadReply(upload=BEGUN)),
    answered(5, "upload.create", UploadReply(upload=IN_PARTS), " in parts"),
    asked(6, GetUpload(media_id=MEDIA)),
    answered(6, "upload.get", UploadReply(upload=HALF)),
    answered(6, "upload.get", UploadReply(upload=FAILED), " of one that failed"),
    asked(7, ListUploads()),
    answered(7, "upload.list", UploadList(uploads=[HALF])),
    asked(8, GetParts(media_id=MEDIA, first=2, limit=1)),
    answered(
        8,
        "upload.parts",
        PartsReply(
            parts=[UploadPart(part=2, bytes=8_388_608, url=BUCKET)], until=NOW + 60 * MINUTE
        ),
    ),
    asked(9, CompleteUpload(media_id=MEDIA)),
    answered(9, "upload.complete", UploadReply(upload=DONE)),
    asked(10, CancelUpload(media_id=MEDIA)),
    answered(10, "upload.cancel", UploadCancelled(changed=True)),
    asked(11, GetMediaUrls(media_ids=[MEDIA], conversation_id=CONVERSATION)),
    answered(11, "media.urls", MediaUrls(urls=[LARGE], until=NOW + 120 * MINUTE)),
]
