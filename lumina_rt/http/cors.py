"""Which web pages may ask, and read the answers (WHATWG Fetch, "CORS protocol").

Without cookies: who asks shows a token, so credentials are never allowed.
"""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from lumina_protocol.errors import Forbidden

from lumina_rt.http.answers import answer
from lumina_rt.origin import may_connect

PREFIX = "/v1/"
FOREIGN = (
    "Pages of this Origin may not ask here: LUMINA_ALLOWED_ORIGINS does not name it, "
    "or is empty and the Host header names another host."
)
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, GET, HEAD, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Range, Range, Tus-Resumable, "
    "Upload-Checksum, Upload-Offset",
    "Access-Control-Max-Age": "600",  # seconds
}
EXPOSED = {
    "Access-Control-Expose-Headers": "Content-Range, ETag, Retry-After, Tus-Checksum-Algorithm, "
    "Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, "
    "Upload-Offset, WWW-Authenticate"
}


def cors(allowed: Collection[str]) -> Middleware:
    """`allowed` as in LUMINA_ALLOWED_ORIGINS; who may ask is decided as for websockets."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX):
            return await handler(request)
        origins = request.headers.getall("Origin", [])
        may = may_connect(origins, request.headers.get("Host", ""), allowed)
        preflight = (
            request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        )
        if not may:
            response: web.StreamResponse = answer(Forbidden(FOREIGN).body)
        elif preflight:
            response = web.Response(status=204, headers=PREFLIGHT)
        else:
            response = await handler(request)
        if may and origins:
            response.headers.update(_allowing(origins[0], allowed))
        if allowed and "*" not in allowed:  # caches must not give one page what was for another
            response.headers["Vary"] = "Origin"
        return response

    return middleware


def _allowing(origin: str, allowed: Collection[str]) -> dict[str, str]:
    """Nothing where no list is set: pages of the same host need no leave to read."""
    if not allowed:
        return {}
    return {"Access-Control-Allow-Origin": "*" if "*" in allowed else origin, **EXPOSED}
