"""HTTP on the public port: what is not a websocket."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lumina_rt import __version__
from lumina_rt.http.cors import cors
from lumina_rt.http.openapi import PATH, openapi

MAX_BODY = 1_048_576
"""In bytes."""
SOCKET, HTTP = "/v1/socket", "/v1/{op}"
UPLOADS = "/v1/uploads/"
"""Below it, bodies may be large and slow; http/uploads.py has its own limits."""
UNREAD = {408, 413}
"""After these answers the rest of a body would have to be read to hear the next request."""


def public_app(body_timeout_s: float, allowed_origins: Collection[str] = ()) -> web.Application:
    middlewares = [cors(allowed_origins), errors_as_json, bodies_in_time(body_timeout_s)]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY)
    app.router.add_get("/", about)
    app.router.add_get(SOCKET, upgrade_required)
    app.router.add_get(PATH, openapi)
    return app


async def about(request: web.Request) -> web.Response:
    return web.json_response(
        {"server": f"lumina-rt/{__version__}", "websocket": SOCKET, "http": HTTP, "protocol": 1}
    )


async def upgrade_required(request: web.Request) -> web.Response:
    """RFC 9110 section 15.5.22."""
    body = {
        "code": "upgrade_required",
        "message": "This is a websocket. Does a proxy in between drop the Upgrade header?",
        "temporary": False,
    }
    return web.json_response(body, status=426, headers={"Upgrade": "websocket"})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors have the shape that they have on the websocket."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
        body = {
            "code": code.get(error.status, "http_error"),
            "message": f"{request.method} {request.path}: {error.reason}.",
            "temporary": error.status >= 500,
        }
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        response = web.json_response(body, status=error.status, headers=allow)
        if error.status in UNREAD:
            response.force_close()
        return response


def bodies_in_time(timeout_s: float) -> Middleware:
    """Refuses a body that is said to be too large at once, and one that does not come in time when
    its handler waits for it; a handler that has it all may take as long as it likes."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(UPLOADS):
            return await handler(request)
        if (size := request.content_length or 0) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, size)
        limit, handling = asyncio.timeout(timeout_s), True

        def arrived() -> None:  # also later, when the rest is passed over after the answer
            if handling and not limit.expired():
                limit.reschedule(None)

        try:
            async with limit:
                request.content.on_eof(arrived)
                return await handler(request)
        except TimeoutError:
            if limit.expired():
                raise web.HTTPRequestTimeout from None
            raise
        finally:
            handling = False

    return middleware
