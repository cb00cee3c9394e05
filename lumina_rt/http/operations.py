"""The operations over HTTP, `POST /v1/{op}`: the same handlers, and nothing kept between two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from lumina_protocol import REQUESTS
from lumina_protocol.codec import Malformed, decode_body
from lumina_protocol.errors import (
    AuthRequired,
    ErrorBody,
    Invalid,
    InvalidToken,
    RateLimited,
    TokenExpired,
    Unavailable,
)
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Reply, RequestFrame
from lumina_protocol.session import Authenticate, Ready

from lumina_rt.address import Address, client_address, is_trusted, parse_address
from lumina_rt.config import Settings
from lumina_rt.http.answers import answer
from lumina_rt.router import Ctx, Services, dispatch

BEARER = "bearer"
SIGN_IN = "Send `Authorization: Bearer TOKEN`; `account.login` gives a token."


class Door(Protocol):
    """What the node says of itself; the gateway is it."""

    draining: bool
    """About to stop: who asks is answered, and asks elsewhere the next time."""

    @property
    def shut(self) -> str:
        """Why nobody is let in any more; empty when they are."""

    def spawn(self, serving: Coroutine[Any, Any, None]) -> None:
        """Run it to its end, whatever becomes of the connection; a drain waits for it."""

    def heard_of_a_proxy(self, peer: Address) -> None:
        """It is not trusted."""


@dataclass(slots=True)
class Operations:
    settings: Settings
    services: Services
    door: Door = field(init=False)

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/v1/{op}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        response = answer(await self._result(request))
        if self.door.draining or self.door.shut:
            response.force_close()
        return response

    async def _result(self, request: web.Request) -> Reply | ErrorBody:
        if why := self.door.shut:
            return Unavailable(why).body
        op = request.match_info["op"]
        ctx = Ctx(self.services, uuid7(), address=str(self._client(request)))
        model = REQUESTS.get(op)
        if model is None:
            return await dispatch(ctx, RequestFrame(1, op, {}))  # which says so, and counts it
        if not model.over_http:
            return _connection_needed(op)
        if not model.public and (refusal := await _authenticate(ctx, request)):
            return refusal
        most = self.settings.max_frame_before_auth if model.public else self.settings.max_frame
        try:
            body = decode_body(await _read(request, most))
        except Malformed as error:
            return Invalid(f"body: {error}").body
        return await self._run(ctx, RequestFrame(1, op, body))

    async def _run(self, ctx: Ctx, request: RequestFrame) -> Reply | ErrorBody:
        """What has begun is finished, also when the connection is lost meanwhile."""
        done: asyncio.Future[Reply | ErrorBody] = asyncio.get_running_loop().create_future()

        async def serve() -> None:
            result = await dispatch(ctx, request)
            if not done.done():
                done.set_result(result)

        self.door.spawn(serve())
        return await done

    def _client(self, request: web.Request) -> Address:
        """Raises HTTPBadRequest when the connection was gone before its address was known: what
        counts by address would not be counted."""
        if request.remote is None:
            raise web.HTTPBadRequest
        peer, trusted = parse_address(request.remote), self.settings.trusted_proxies
        forwarded = request.headers.getall("X-Forwarded-For", [])
        if forwarded and peer.is_private and not is_trusted(peer, trusted):
            self.door.heard_of_a_proxy(peer)
        return client_address(peer, forwarded, trusted)


async def _authenticate(ctx: Ctx, request: web.Request) -> ErrorBody | None:
    """By the operation `auth`, at every request. Returns why it is refused, if it is."""
    token = _token(request.headers.getall("Authorization", []))
    if not token:
        return AuthRequired(SIGN_IN).body
    try:
        was_good = ctx.services.limits.take_token(ctx.address)
    except RateLimited as error:
        return error.body
    result = await dispatch(ctx, RequestFrame(1, Authenticate.op, {"token": token}))
    if isinstance(result, Ready):
        was_good()
        ctx.authenticated(result)
        return None
    assert isinstance(result, ErrorBody)
    if result.temporary or result.code == TokenExpired.code:  # of whom it was theirs
        was_good()
    return InvalidToken(field="token").body if result.code == Invalid.code else result


def _token(values: Sequence[str]) -> str:
    """RFC 6750 section 2.1; of two headers, none is believed."""
    if len(values) != 1:
        return ""
    scheme, _, token = values[0].partition(" ")
    return token.strip() if scheme.lower() == BEARER else ""


async def _read(request: web.Request, most: int) -> bytes:
    """Raises HTTPRequestEntityTooLarge as soon as it is known."""
    if (size := request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(most, size)
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(data))
    return bytes(data)


def _connection_needed(op: str) -> ErrorBody:
    why = f"{op} makes sense on a connection only; open a websocket at /v1/socket."
    return ErrorBody(code="upgrade_required", message=why)
