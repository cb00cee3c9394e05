"""What must be true before a node starts; `lumina doctor` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from lumina_protocol.errors import Unavailable
from redis.asyncio import Redis

from lumina_rt import __version__
from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.blobs.opening import open_blobs
from lumina_rt.bus import facts as bus_facts
from lumina_rt.config import Settings
from lumina_rt.findings import Finding
from lumina_rt.media import ffmpeg
from lumina_rt.smtp import read_server
from lumina_rt.store import facts as store_facts

if TYPE_CHECKING:
    from lumina_rt.store.db import Pool


class PreflightError(Exception):
    """A node cannot keep its promises on these engines; the message says why and what to do."""


async def examine(settings: Settings, pool: Pool, redis: Redis) -> list[Finding]:
    """Raises RedisError or a Postgres error when an engine does not answer."""
    return [
        *await store_facts.examine(pool, production=settings.production, code=__version__),
        *await bus_facts.examine(redis, production=settings.production),
        *await examine_blobs(settings),
        examine_mail(settings),
        examine_media(settings),
    ]


def examine_mail(settings: Settings) -> Finding:
    """A server without mail serves; what needs one says so."""
    if settings.smtp_url is None:
        problem = "set LUMINA_SMTP_URL; until then no address is confirmed and no password reset"
        return Finding("mail", "not set up", problem, fatal=False)
    server = read_server(settings.smtp_url.get_secret_value())
    return Finding("mail", f"{server.host}:{server.port}, from {settings.mail_from}")


def examine_media(settings: Settings) -> Finding:
    """A server without ffmpeg serves: nothing is said of videos and sounds but their type."""
    if settings.media_at_once == 0:
        return Finding("media", "processed by other nodes")
    if not ffmpeg.is_there():
        problem = "install ffmpeg; until then videos and sounds are kept with all that is in them"
        return Finding("media", "no ffmpeg on the PATH", problem, fatal=False)
    return Finding("media", f"ffmpeg, {settings.media_at_once} at once")


async def examine_blobs(settings: Settings) -> list[Finding]:
    return [_examine_folder(settings), *await _examine_bucket(settings)]


def _examine_folder(settings: Settings) -> Finding:
    folder = settings.blob_dir
    try:
        LocalBlobs(folder).check()
    except OSError as error:
        why = error.strerror or error
        problem = f"cannot be written ({why}); set LUMINA_BLOB_DIR to a folder that can"
        return Finding("blobs", f"folder {folder}", problem)
    return Finding("blobs", f"folder {folder}")


async def _examine_bucket(settings: Settings) -> list[Finding]:
    """A server whose bucket is away serves: uploads wait."""
    if settings.blobs_s3_bucket is None:
        return []
    async with AsyncExitStack() as stack:
        blobs = await open_blobs(settings, stack)
        try:
            await blobs.examine()
        except (Unavailable, FileNotFoundError) as error:
            why = f"cannot be written ({error.__cause__ or error}); look at LUMINA_BLOBS_S3_..."
            return [Finding("uploads", blobs.where, why, fatal=False)]
        return [Finding("uploads", blobs.where)]


def refuse_problems(findings: Iterable[Finding]) -> None:
    """Raises PreflightError with the first fatal problem."""
    for finding in findings:
        if finding.problem and finding.fatal:
            raise PreflightError(f"{finding.what} ({finding.value}): {finding.problem}")
