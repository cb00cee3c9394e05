"""Resumable uploads, tus 1.0 (https://tus.io/protocols/resumable-upload): the core protocol, with
the extensions checksum, expiration and termination. `upload.create` makes an upload and its URL."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import ClientError, web
from lumina_protocol.errors import ErrorBody, Gone, LuminaError, NotFound

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.receiving import Receiving
from lumina_rt.blobs.store import Busy, away_when
from lumina_rt.http.answers import answer
from lumina_rt.router import Services
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

RECEIVING = query("uploads.receiving")
REMOVE = query("uploads.remove")

PATH = "/v1/uploads/{media_id}"
VERSION = "1.0.0"
EXTENSIONS = "checksum,expiration,termination"
CHECKSUMS = ("sha1", "sha256")
OFFSETS = "application/offset+octet-stream"
WRITE = 524_288
"""Bytes that are gathered before they are written."""
TAKEOVER_S = 5
"""So long a request waits for an earlier one, of the same upload, to let go."""
RETRY_S = 5
MISMATCH = 460
GONE = "There is no such upload any more, or its login has ended; see `upload.get`."
BUSY = "Another request writes to this upload."
LOST = (ConnectionError, ClientError, asyncio.IncompleteReadError, web.RequestPayloadError)


class Refused(Exception):
    """As tus says it; what has no code there is of ours."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


@dataclass(slots=True)
class Writer:
    """Who is writing to an upload on this node."""

    request: web.Request
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Uploads:
    services: Services
    blobs: FolderBlobs
    stall_s: float
    writers: dict[UUID, Writer] = field(default_factory=dict)

    def add_to(self, app: web.Application) -> None:
        for method, handler in (
            ("HEAD", self.head),
            ("PATCH", self.patch),
            ("DELETE", self.terminate),
            ("OPTIONS", self.options),
        ):
            app.router.add_route(method, PATH, partial(_answered, handler))
        app.router.add_route("OPTIONS", "/v1/uploads", partial(_answered, self.options))

    async def options(self, request: web.Request) -> web.Response:
        most = max(self.services.media.most.values())
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
            "Tus-Max-Size": str(most),
        }
        return web.Response(status=204, headers=headers)

    async def head(self, request: web.Request) -> web.Response:
        """Whoever asks is about to go on: a request that hangs is not waited for."""
        _refuse_version(request)
        row = await self._find(request)
        await self._take_over(_media_id(request))
        return web.Response(headers=await self._state(row))

    async def patch(self, request: web.Request) -> web.Response:
        _refuse_version(request)
        if request.content_type != OFFSETS:
            raise Refused(415, f"Content-Type must be {OFFSETS}.")
        checksum = _checksum(request)
        async with self._writing(request) as (row, file):
            if file.size != _offset(request):
                why = f"Upload-Offset is not {file.size}, where the upload is."
                raise Refused(409, why, **{"Upload-Offset": str(file.size)})
            await self._receive(request, row["bytes"], file, checksum)
            return web.Response(status=204, headers=_headers(row, file.size))

    async def terminate(self, request: web.Request) -> web.Response:
        _refuse_version(request)
        row = await self._find(request)
        if not row["is_open"]:
            raise Refused(403, "This upload is complete.")
        async with self.services.db.tx() as tx:
            await tx.maybe(REMOVE, media_id=_media_id(request), user_id=row["user_id"])
        await self._take_over(_media_id(request))
        return web.Response(status=204)

    async def _find(self, request: web.Request) -> Row:
        """Raises InvalidToken when the URL is not good, NotFound when the upload is gone."""
        said = (request.query.get(name, "") for name in ("login", "until", "signature"))
        login = self.services.links.read(request.path, *said)
        async with self.services.db.read() as tx:
            row = await tx.maybe(RECEIVING, media_id=_media_id(request), session_id=login)
        if row is None:
            raise NotFound(GONE)
        return row

    async def _state(self, row: Row) -> dict[str, str]:
        if not row["is_open"]:
            return _headers(row, row["bytes"])
        return _headers(row, (await self.blobs.received(row["storage_key"], None)).size)

    @asynccontextmanager
    async def _writing(self, request: web.Request) -> AsyncIterator[tuple[Row, Receiving]]:
        """Alone, on all nodes. Raises Busy, Gone."""
        key = (await self._find(request))["storage_key"]
        media_id = _media_id(request)
        await self._take_over(media_id)
        self.writers[media_id] = writer = Writer(request)
        try:
            file = await self.blobs.receiving(key)
            try:
                yield await self._still_open(request, key), file
            finally:
                await asyncio.to_thread(file.close)
        finally:
            writer.over.set()
            if self.writers.get(media_id) is writer:
                del self.writers[media_id]

    async def _still_open(self, request: web.Request, key: str) -> Row:
        """It is held now, so nobody completes it meanwhile."""
        try:
            row = await self._find(request)
        except NotFound:
            await self.blobs.delete(key)  # opened after it was removed, it is there again
            raise
        if not row["is_open"]:
            raise Gone("This upload is complete.")
        return row

    async def _take_over(self, media_id: UUID) -> None:
        """Cut off whoever writes to it here: a client that asks again has given that up."""
        if writer := self.writers.get(media_id):
            if writer.request.transport:
                writer.request.transport.abort()
            try:
                await asyncio.wait_for(writer.over.wait(), TAKEOVER_S)
            except TimeoutError:
                raise Busy from None

    async def _receive(
        self, request: web.Request, total: int, file: Receiving, checksum: Checksum | None
    ) -> None:
        """What has come is kept, however it ends; but with a wrong checksum, nothing of it is."""
        began, whole = file.size, False
        if began + (request.content_length or 0) > total:
            raise _too_much(total)
        write = partial(_write, file, checksum)
        try:
            await self._copy(request, total, file, write)
            whole = True
        finally:
            if checksum and not (whole and checksum.matches()):
                await asyncio.to_thread(file.cut, began)
        if checksum and not checksum.matches():
            raise Refused(MISMATCH, "The bytes have another checksum.")

    async def _copy(
        self, request: web.Request, total: int, file: Receiving, write: Callable[[bytes], None]
    ) -> None:
        waiting = bytearray()
        try:
            while data := await self._next(request):
                if file.size + len(waiting) + len(data) > total:
                    raise _too_much(total)
                waiting += data
                if len(waiting) >= WRITE:
                    await _run(write, bytes(waiting))
                    waiting.clear()
        finally:
            if waiting:
                await _run(write, bytes(waiting))

    async def _next(self, request: web.Request) -> bytes:
        """Some bytes, or none at the end. Raises Refused when nothing comes for long."""
        try:
            async with asyncio.timeout(self.stall_s):
                return await request.content.readany()
        except TimeoutError:
            raise Refused(408, "Nothing has come for too long; resume.") from None


@dataclass(slots=True)
class Checksum:
    """The extension "checksum"."""

    expected: bytes
    digest: hashlib._Hash

    def matches(self) -> bool:
        return self.digest.digest() == self.expected


async def _answered(
    handler: Callable[[web.Request], Awaitable[web.Response]], request: web.Request
) -> web.Response:
    try:
        response = await handler(request)
    except LuminaError as error:
        response = answer(error.body)
    except Busy:
        response = _refusal(Refused(423, BUSY, **{"Retry-After": str(RETRY_S)}))
    except Refused as refused:
        response = _refusal(refused)
    except LOST:
        response = _refusal(Refused(400, "The connection was lost; resume."))
    if response.status >= 400 and request.body_exists:
        response.force_close()  # or what is left of the body would be read first
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    return response


def _refusal(refused: Refused) -> web.Response:
    names = {408: "too_slow", 413: "too_large", 460: "wrong_checksum"}
    body = ErrorBody(
        code=names.get(refused.status, "upload_refused"),
        message=str(refused),
        temporary=refused.status in (408, 423),
    )
    response = answer(body)
    reason = "Checksum Mismatch" if refused.status == MISMATCH else None
    response.set_status(refused.status, reason or HTTPStatus(refused.status).phrase)
    response.headers.update(refused.headers)
    return response


async def _run(write: Callable[[bytes], None], data: bytes) -> None:
    with away_when(OSError):
        await asyncio.to_thread(write, data)


def _write(file: Receiving, checksum: Checksum | None, data: bytes) -> None:
    file.write(data)
    if checksum:
        checksum.digest.update(data)


def _refuse_version(request: web.Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Refused(412, f"Tus-Resumable must be {VERSION}.", **{"Tus-Version": VERSION})


def _offset(request: web.Request) -> int:
    said = request.headers.get("Upload-Offset", "")
    if not (said.isascii() and said.isdigit()) or len(said) > 16:
        raise Refused(400, "Upload-Offset must say how many bytes are there.")
    return int(said)


def _checksum(request: web.Request) -> Checksum | None:
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _, encoded = said.partition(" ")
    try:
        expected = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        expected = b""
    if algorithm not in CHECKSUMS or not expected:
        raise Refused(400, f"Upload-Checksum must be of {' or '.join(CHECKSUMS)}, in base64.")
    return Checksum(expected, hashlib.new(algorithm, usedforsecurity=False))


def _headers(row: Row, offset: int) -> dict[str, str]:
    expires = formatdate(row["expires_at"] / 1000, usegmt=True)
    said = {"Upload-Offset": str(offset), "Upload-Length": str(row["bytes"])}
    return said | ({"Upload-Expires": expires} if row["is_open"] else {})


def _too_much(total: int) -> Refused:
    return Refused(413, f"This upload has {total} bytes, and not more.")


def _media_id(request: web.Request) -> UUID:
    return UUID(request.match_info["media_id"])  # as signed
