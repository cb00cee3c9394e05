"""HTTP on the private port, for operators and their balancer: health, metrics, traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from lumina_rt.http.trace import Trace, trace_handler
from lumina_rt.telemetry import Telemetry

Checks = Callable[[], Mapping[str, bool]]


def private_app(telemetry: Telemetry, checks: Checks, trace: Trace) -> web.Application:
    """`checks` tells by name what has to be true for the node to be ready, `trace` what became of
    a change here."""

    async def healthz(request: web.Request) -> web.Response:
        """The process lives and its event loop turns; no more than that."""
        return web.json_response({"alive": True})

    async def readyz(request: web.Request) -> web.Response:
        found = checks()
        ready = all(found.values())
        return web.json_response({"ready": ready, **found}, status=200 if ready else 503)

    async def metrics(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=telemetry.metrics(), headers=headers)

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/trace", trace_handler(trace)),
        ]
    )
    return app
