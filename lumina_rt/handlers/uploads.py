"""Uploads: begun, resumed, completed. The bytes come over HTTP, to http/uploads.py or to S3."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import (
    Conflict,
    Gone,
    Invalid,
    NotFound,
    Overloaded,
    QuotaExceeded,
    TooLarge,
    TooManyUploads,
    UploadIncomplete,
    WrongHash,
)
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
    part_count,
    part_size,
)

from lumina_rt.blobs.store import Busy, Received
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK = query("accounts.lock")
OWN = query("uploads.own")
LIST = query("uploads.list")
ROOM = query("uploads.room")
CREATE = query("uploads.create")
BEGUN = query("uploads.begun")
COMPLETED = query("uploads.completed")
REMOVE = query("uploads.remove")

TOLD = ("media_id", "kind", "status", "content_type", "bytes", "created_at", "expires_at", "error")


@handles(CreateUpload)
async def create(ctx: Ctx, request: CreateUpload) -> UploadReply:
    name = {"media_id": request.media_id, "user_id": ctx.user_id}
    async with ctx.db.tx() as tx:
        await tx.maybe(LOCK, user_id=ctx.user_id)
        row = await tx.maybe(OWN, **name)
        if row is None:
            await _refuse_too_much(ctx, tx, request)
            row = await _added(ctx, tx, request)
        elif not _same(row, request):
            raise Conflict(field="media_id")
    return UploadReply(upload=await _told(ctx, await _begun(ctx, row)))


def _same(row: Row, request: CreateUpload) -> bool:
    asked = request.kind, request.content_type, request.bytes, bytes.fromhex(request.sha256)
    return (row["kind"], row["content_type"], row["bytes"], row["sha256"]) == asked


async def _refuse_too_much(ctx: Ctx, tx: Tx, request: CreateUpload) -> None:
    """Raises TooLarge, TooManyUploads, QuotaExceeded."""
    rules = ctx.services.media
    most = rules.most[request.kind]
    if request.bytes > most:
        why = f"A {request.kind} may have {most} bytes here."
        raise TooLarge(why, field="bytes", limit=f"max_{request.kind}")
    room = await tx.one(ROOM, user_id=ctx.user_id)
    if room["under_way"] >= rules.under_way:
        why = f"You have {room['under_way']} uploads under way; complete or cancel one."
        raise TooManyUploads(why, limit="uploads_open")
    if room["kept"] + request.bytes > rules.quota:
        left = max(0, rules.quota - room["kept"])
        why = f"You may keep {rules.quota} bytes here, and have room for {left} more."
        raise QuotaExceeded(why, field="bytes", limit="media_quota")


async def _added(ctx: Ctx, tx: Tx, request: CreateUpload) -> Row:
    name = {"media_id": request.media_id, "user_id": ctx.user_id}
    made = await tx.maybe(
        CREATE,
        made_id=request.media_id,
        user_id=ctx.user_id,
        media_kind=request.kind,
        content_type=request.content_type,
        bytes=request.bytes,
        sha256=bytes.fromhex(request.sha256),
        # Another one than of an earlier upload by this id, whose bytes may be about to be removed.
        storage_key=f"uploads/{request.media_id}-{secrets.token_hex(4)}",
        hours=ctx.services.media.hours,
    )
    if made is None:
        raise Conflict(field="media_id")
    return await tx.one(OWN, **name)


async def _begun(ctx: Ctx, row: Row) -> Row:
    """In the store as well, which may be away: asked again, it is tried again."""
    if not ctx.services.blobs.in_parts or row["status"] != "uploading" or row["upload_id"]:
        return row
    name = {"media_id": row["media_id"], "user_id": ctx.user_id}
    upload_id = await ctx.services.blobs.begin(row["storage_key"], row["content_type"])
    async with ctx.db.tx() as tx:
        await tx.run(BEGUN, upload_id=upload_id, **name)
        return await tx.one(OWN, **name)


@handles(GetUpload)
async def get(ctx: Ctx, request: GetUpload) -> UploadReply:
    return UploadReply(upload=await _told(ctx, await _own(ctx, request.media_id)))


@handles(ListUploads)
async def under_way(ctx: Ctx, request: ListUploads) -> UploadList:
    async with ctx.db.read() as tx:
        rows = await tx.all(LIST, user_id=ctx.user_id, limit=ctx.services.media.under_way)
    found = [await _told(ctx, row) for row in rows]
    return UploadList(uploads=[one.model_copy(update={"parts_received": None}) for one in found])


async def _own(ctx: Ctx, media_id: UUID) -> Row:
    """Raises NotFound, also for one whose time is over."""
    async with ctx.db.read() as tx:
        row = await tx.maybe(OWN, media_id=media_id, user_id=ctx.user_id)
    if row is None or row["is_over"]:
        raise NotFound("There is no such upload, or it is not yours.", field="media_id")
    return row


async def _told(ctx: Ctx, row: Row) -> Upload:
    """As it is, by what the store has of it."""
    told = {name: row[name] for name in TOLD}
    if row["status"] != "uploading":
        return Upload(received=row["received"], **told)
    received = await _received(ctx, row)
    if ctx.services.blobs.in_parts:
        size = row["bytes"]
        return Upload(
            received=received.size,
            part_bytes=part_size(size),
            parts=part_count(size),
            parts_received=sorted(received.parts),
            **told,
        )
    path = f"/v1/uploads/{row['media_id']}"
    url, _ = ctx.services.links.issue(path, ctx.login, row["expires_at"])
    return Upload(received=received.size, url=url, **told)


async def _received(ctx: Ctx, row: Row) -> Received:
    if ctx.services.blobs.in_parts and row["upload_id"] is None:
        return Received()
    return await ctx.services.blobs.received(row["storage_key"], row["upload_id"])


@handles(GetParts)
async def parts(ctx: Ctx, request: GetParts) -> PartsReply:
    row = await _own(ctx, request.media_id)
    if row["status"] != "uploading":
        raise Gone("This upload is complete.", field="media_id")
    if not ctx.services.blobs.in_parts:
        raise Invalid("This upload has no parts; see its `url`.", field="media_id")
    row = await _begun(ctx, row)
    size, each = row["bytes"], part_size(row["bytes"])
    count = part_count(size)
    if request.first > count:
        raise Invalid(f"first: this upload has {count} parts", field="first")
    numbers = range(request.first, min(request.first + request.limit, count + 1))
    wanted = {number: min(each, size - (number - 1) * each) for number in numbers}
    ttl_s, where = ctx.services.media.url_s, (row["storage_key"], row["upload_id"])
    urls = await ctx.services.blobs.part_urls(*where, wanted, ttl_s)
    found = zip(wanted.items(), urls, strict=True)
    return PartsReply(
        parts=[UploadPart(part=number, bytes=size, url=url) for (number, size), url in found],
        until=ctx.now_ms() + ttl_s * 1000,
    )


@handles(CompleteUpload, together=True)
async def complete(ctx: Ctx, request: CompleteUpload) -> UploadReply:
    """Besides what else is under way: a large file is read for some seconds."""
    row = await _own(ctx, request.media_id)
    name = {"media_id": row["media_id"], "user_id": ctx.user_id}
    if row["status"] == "uploading":
        try:
            await _verify(ctx, row)
        except WrongHash:
            await _remove(ctx, request.media_id)
            raise
        except Busy:
            why = "Bytes of this upload are still coming, or are being looked at."
            raise Overloaded(why, retry_after_ms=1000) from None
        async with ctx.db.tx() as tx:
            await tx.maybe(COMPLETED, **name)
        ctx.services.uploaded.set()
    return UploadReply(upload=await _told(ctx, await _own(ctx, request.media_id)))


async def _verify(ctx: Ctx, row: Row) -> None:
    """Raises UploadIncomplete, WrongHash, Busy."""
    blobs, key = ctx.services.blobs, row["storage_key"]
    received = await _received(ctx, row)
    if received.size != row["bytes"]:
        why = f"{received.size} of {row['bytes']} bytes are there."
        raise UploadIncomplete(why, field="media_id")
    await blobs.finish(key, row["upload_id"])
    try:
        digest = await blobs.sha256(key)
    except FileNotFoundError:
        raise UploadIncomplete("Its bytes are not there.", field="media_id") from None
    if not hmac.compare_digest(digest, row["sha256"]):
        raise WrongHash(field="media_id")


@handles(CancelUpload)
async def cancel(ctx: Ctx, request: CancelUpload) -> UploadCancelled:
    """Not of one that is complete: it goes when nothing shows it."""
    return UploadCancelled(changed=await _remove(ctx, request.media_id))


async def _remove(ctx: Ctx, media_id: UUID) -> bool:
    """A worker removes its bytes, see workers/blobs.py."""
    async with ctx.db.tx() as tx:
        return await tx.maybe(REMOVE, media_id=media_id, user_id=ctx.user_id) is not None
