"""Requests about uploads and media, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.profile_changes import ChangeProfile
from lumina_protocol.uploads import (
    CONTENT_TYPES,
    MAX_BYTES,
    CancelUpload,
    CompleteUpload,
    CreateUpload,
    GetParts,
    GetUpload,
    ListUploads,
)

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=100)

UPLOAD_STRATEGIES: dict[str, st.SearchStrategy[Request[Any]]] = {
    "upload.create": st.sampled_from(
        [(kind, one) for kind, all_ in CONTENT_TYPES.items() for one in all_]
    ).flatmap(
        lambda fit: st.builds(
            CreateUpload,
            media_id=st.builds(uuid7),
            kind=st.just(fit[0]),
            content_type=st.just(fit[1]),
            bytes=st.integers(1, MAX_BYTES),
            sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
        )
    ),
    "upload.get": st.builds(GetUpload, media_id=st.uuids()),
    "upload.list": st.builds(ListUploads),
    "upload.parts": st.builds(
        GetParts, media_id=st.uuids(), first=st.integers(1, 1000), limit=st.integers(1, 100)
    ),
    "upload.complete": st.builds(CompleteUpload, media_id=st.uuids()),
    "upload.cancel": st.builds(CancelUpload, media_id=st.uuids()),
    "profile.change": st.builds(
        ChangeProfile,
        op_id=st.builds(uuid7),
        full_name=st.none() | TEXT,
        bio=st.none() | TEXT,
        picture_media_id=st.none() | st.uuids(),
    ),
    "media.urls": st.builds(
        GetMediaUrls,
        media_ids=st.sets(st.uuids(), min_size=1, max_size=50).map(list),
        conversation_id=st.none() | st.uuids(),
    ),
}
