"""Files that are fetched by a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web
from lumina_protocol.errors import LuminaError, NotFound

from lumina_rt.blobs.local import LocalBlobs
from lumina_rt.http.answers import answer
from lumina_rt.router import Services
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

FETCH = query("exports.fetch")
GONE = "There is no such archive any more, or its login has ended; see `account.exports`."
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Type": "application/zip",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Downloads:
    services: Services
    blobs: LocalBlobs

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/exports/{export_id}", self.export)

    async def export(self, request: web.Request) -> web.StreamResponse:
        """The archive; `Range` and `If-Range` as in RFC 9110 section 14."""
        try:
            found = await self._find(request)
            path = self.blobs.path(found["storage_key"])
            if not path.is_file():
                self.services.telemetry.blob_missing(found["storage_key"])
                raise NotFound(GONE)
        except LuminaError as error:
            return answer(error.body)
        name = f"lumina-{found['day']}.zip"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.FileResponse(path, headers=HEADERS | disposition)

    async def _find(self, request: web.Request) -> Row:
        """Raises InvalidToken when the link is not good, NotFound when the archive is gone."""
        said = (request.query.get(name, "") for name in ("login", "until", "signature"))
        login = self.services.links.read(request.path, *said)
        export_id = UUID(request.match_info["export_id"])  # as signed
        async with self.services.db.read() as tx:
            found = await tx.maybe(FETCH, export_id=export_id, session_id=login)
        if found is None:
            raise NotFound(GONE)
        return found
