"""Which store of files a node has."""

from __future__ import annotations

from contextlib import AsyncExitStack

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.store import Blobs
from lumina_rt.config import Settings


async def open_blobs(settings: Settings, stack: AsyncExitStack) -> Blobs:
    """The stack closes it. Nothing is asked of it yet: while it is away, chat goes on."""
    if settings.blobs_s3_bucket is None:
        return FolderBlobs(settings.blob_dir)
    # Takes half a second and 27 MB, which who has no bucket need not pay.
    from lumina_rt.blobs.s3 import open_bucket  # noqa: PLC0415

    return await stack.enter_async_context(open_bucket(settings))
