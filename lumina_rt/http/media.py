"""GET /v1/media: files that were uploaded, by URLs that `media.urls` makes for who may see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiohttp import web
from lumina_protocol.errors import LuminaError, NotFound
from lumina_protocol.media_urls import ORIGINAL

from lumina_rt.blobs.folder import FolderBlobs
from lumina_rt.blobs.shown import shown
from lumina_rt.http.answers import answer
from lumina_rt.router import Services
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

FETCH = query("media_urls.fetch")
GONE = "There is no such media object any more."
HEADERS = {
    # It runs nothing, wherever it is opened: a browser that thinks it is a page shows an empty one.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Media:
    services: Services
    blobs: FolderBlobs

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/media/{media_id}/{variant}", self.get)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """`Range`, `If-Range` and `If-None-Match` as in RFC 9110; HEAD too."""
        try:
            left_s = self._refuse_unsigned(request)
            variant = await self._find(request)
            path = self.blobs.path(variant["storage_key"])
            if not path.is_file():
                self.services.telemetry.blob_missing(variant["storage_key"])
                raise NotFound(GONE)
        except LuminaError as error:
            return answer(error.body)
        media_id, name = request.match_info["media_id"], request.match_info["variant"]
        look = shown(UUID(media_id), name, variant["content_type"])
        own = {
            "Cache-Control": f"private, max-age={left_s}, immutable",
            "Content-Disposition": look.disposition,
            "Content-Type": look.content_type,
        }
        return web.FileResponse(path, headers=HEADERS | own)

    def _refuse_unsigned(self, request: web.Request) -> int:
        """How long the URL is good yet, in seconds. Raises InvalidToken."""
        said = {name: request.query.get(name, "") for name in ("login", "until", "signature")}
        self.services.links.read(request.path, **said)
        return max(0, int(said["until"]) // 1000 - int(self.services.now()))

    async def _find(self, request: web.Request) -> dict[str, Any]:
        """Raises NotFound."""
        media_id = UUID(request.match_info["media_id"])  # as signed
        async with self.services.db.read() as tx:
            row = await tx.maybe(FETCH, media_id=media_id)
        found = None if row is None else _variant(row, request.match_info["variant"])
        if found is None:
            raise NotFound(GONE)
        return found


def _variant(row: Row, name: str) -> dict[str, Any] | None:
    if name == ORIGINAL:
        return {"storage_key": row["storage_key"], "content_type": row["content_type"]}
    return next((one for one in row["variants"] if one["name"] == name), None)
