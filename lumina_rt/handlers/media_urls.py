"""Where media are fetched from. Who may see them is asked when the URL is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lumina_protocol.media_urls import ORIGINAL, GetMediaUrls, MediaUrl, MediaUrls

from lumina_rt import access
from lumina_rt.blobs.shown import shown
from lumina_rt.links import NOBODY
from lumina_rt.router import Ctx, handles

if TYPE_CHECKING:
    from lumina_rt.store.db import Row


@handles(GetMediaUrls)
async def urls(ctx: Ctx, request: GetMediaUrls) -> MediaUrls:
    async with ctx.db.read() as tx:
        rows = await access.media(
            tx,
            user_id=ctx.user_id,
            media_ids=request.media_ids,
            conversation_id=request.conversation_id,
        )
    until = _until(ctx.now_ms(), ctx.services.media.url_s * 1000)
    found = [await _url(ctx, row, one, until) for row in rows for one in _variants(row)]
    return MediaUrls(urls=found, until=until)


def _until(now_ms: int, least_ms: int) -> int:
    """The same for a while, so that whoever asks again has the file in their cache."""
    return (now_ms // least_ms + 2) * least_ms


def _variants(row: Row) -> Iterator[dict[str, Any]]:
    yield from row["variants"] if row["status"] == "ready" else []
    if row["is_own"] and row["storage_key"]:
        names = ("content_type", "bytes", "width", "height", "storage_key")
        yield {"name": ORIGINAL, **{name: row[name] for name in names}}


async def _url(ctx: Ctx, row: Row, variant: dict[str, Any], until: int) -> MediaUrl:
    name, key = str(variant["name"]), str(variant["storage_key"])
    public, ttl_s = ctx.services.media.public_url, (until - ctx.now_ms()) // 1000
    told = {field: variant.get(field) for field in ("content_type", "bytes", "width", "height")}
    if public and name != ORIGINAL:
        url = f"{public}/{key}"
    else:
        look = shown(row["media_id"], name, variant["content_type"])
        url = await ctx.services.blobs.url(key, look, ttl_s) or ""
    path = f"/v1/media/{row['media_id']}/{name}"
    url = url or ctx.services.links.issue(path, NOBODY, until)[0]
    return MediaUrl(media_id=row["media_id"], variant=name, url=url, **told)
