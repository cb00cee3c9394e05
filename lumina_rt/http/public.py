"""HTTP on the public port: what is not a websocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from lumina_rt import __version__

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY = 65_536
SOCKET = "/v1/socket"


def public_app() -> web.Application:
    app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_BODY)
    app.router.add_get("/", about)
    app.router.add_get(SOCKET, upgrade_required)
    return app


async def about(request: web.Request) -> web.Response:
    return web.json_response(
        {"server": f"lumina-rt/{__version__}", "websocket": SOCKET, "protocol": 1}
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
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
        body = {
            "code": code.get(error.status, "http_error"),
            "message": f"{request.method} {request.path}: {error.reason}.",
            "temporary": error.status >= 500,
        }
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return web.json_response(body, status=error.status, headers=allow)
