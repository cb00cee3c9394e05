"""Operations asked for over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession
from lumina_protocol.codec import JSON
from lumina_protocol.frame import Request

from lumina_rt.app import Node


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def outcome(self) -> tuple[object, object]:
        """What a client goes by: the code and the field of an error, or which fields came."""
        if self.status == 200:
            return "ok", set(self.body)
        return self.body["code"], self.body.get("field")


def http_url(node: Node) -> str:
    return f"http://{node.settings.host}:{node.port}"


@dataclass(frozen=True)
class Asker:
    session: ClientSession
    url: str

    async def send(self, op: str, data: bytes, *headers: tuple[str, str]) -> Answer:
        url = f"{self.url}/v1/{op}"
        async with self.session.post(url, data=data, headers=headers) as response:
            assert response.content_type == "application/json"
            return Answer(response.status, response.headers, await response.json())

    async def ask(
        self, op: str, body: object, token: str | None = None, *headers: tuple[str, str]
    ) -> Answer:
        own = (("Authorization", f"Bearer {token}"),) if token is not None else ()
        return await self.send(op, JSON.pack(body), *own, *headers)

    async def call(self, request: Request[Any], token: str | None = None) -> Answer:
        return await self.ask(request.op, request.model_dump(exclude_none=True), token)


@asynccontextmanager
async def asking(node: Node) -> AsyncIterator[Asker]:
    async with ClientSession(skip_auto_headers=["Content-Type"]) as session:
        yield Asker(session, http_url(node))
