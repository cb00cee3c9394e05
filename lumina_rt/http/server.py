"""The HTTP server of the public port, which the gateway hands connections to."""

from __future__ import annotations

from contextlib import AsyncExitStack

from aiohttp import web

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.config import Settings
from lumina_rt.http.downloads import Downloads
from lumina_rt.http.faults import FAULTS
from lumina_rt.http.media import Media
from lumina_rt.http.operations import Operations
from lumina_rt.http.public import public_app
from lumina_rt.http.uploads import Uploads

LINGER_S = 5
"""How long a body is passed over that nobody has asked for."""
END_S = 2.0
"""How long a node that stops waits for those who are still sending a body."""


async def public_server(
    settings: Settings, operations: Operations, stack: AsyncExitStack
) -> web.Server:
    public = public_app(settings.body_timeout_s, settings.allowed_origins)
    _add_files(public, settings, operations)
    operations.add_to(public)
    runner = web.AppRunner(
        public,
        handle_signals=False,
        access_log=None,
        logger=FAULTS,
        auto_decompress=False,  # or a small body could become a large one before it is counted
        shutdown_timeout=END_S,
        # It runs until the head of the next request is whole, not until its first byte.
        keepalive_timeout=settings.header_timeout_s,
        lingering_time=min(LINGER_S, settings.body_timeout_s),
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    assert runner.server is not None
    return runner.server


def _add_files(public: web.Application, settings: Settings, operations: Operations) -> None:
    """A bucket takes and gives what users have uploaded by itself."""
    services = operations.services
    Downloads(services, LocalBlobs(settings.blob_dir)).add_to(public)
    if isinstance(services.blobs, FolderBlobs):
        Uploads(services, services.blobs, settings.upload_stall_s).add_to(public)
        Media(services, services.blobs).add_to(public)
