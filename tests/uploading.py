"""Uploads as a client makes them: by tus to a node, or in parts to a bucket."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from aiohttp import ClientSession
from lumina_protocol.fields import uuid7
from lumina_protocol.uploads import CompleteUpload, CreateUpload, GetUpload, MediaKind, Upload

from lumina_rt.app import Node
from lumina_rt.client import Client
from tests.http.asking import http_url

TUS = {"Tus-Resumable": "1.0.0"}
TYPES: dict[MediaKind, str] = {"image": "image/png", "video": "video/mp4", "sticker": "image/webp"}

BEGUN: defaultdict[UUID, set[UUID]] = defaultdict(set)
"""By each user: there is no list of those that are done, so the oracle asks for each."""


def wanted(data: bytes, media_id: UUID | None = None, kind: MediaKind = "image") -> CreateUpload:
    return CreateUpload(
        media_id=media_id or uuid7(),
        kind=kind,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        content_type=TYPES[kind],
    )


async def begin(client: Client, data: bytes, kind: MediaKind = "image") -> Upload:
    upload = (await client.call(wanted(data, kind=kind))).upload
    assert client.ready
    BEGUN[client.ready.user_id].add(upload.media_id)
    return upload


async def look(client: Client, media_id: UUID) -> Upload:
    return (await client.call(GetUpload(media_id=media_id))).upload


async def complete(client: Client, media_id: UUID) -> Upload:
    return (await client.call(CompleteUpload(media_id=media_id))).upload


@dataclass(frozen=True)
class Tus:
    """One upload, over HTTP to one node."""

    session: ClientSession
    host: str
    path: str

    async def ask(
        self, method: str, data: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = self.session.request(method, self.host + self.path, data=data, headers=TUS | own)
        async with asked as response:
            return response.status, dict(response.headers), await response.read()

    async def patch(
        self, offset: int, data: object, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        own = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": str(offset)}
        return await self.ask("PATCH", data, **own | headers)

    async def offset(self) -> int:
        status, headers, _ = await self.ask("HEAD")
        assert status == 200, status
        return int(headers["Upload-Offset"])


def tus(session: ClientSession, node: Node, upload: Upload) -> Tus:
    assert upload.url
    return Tus(session, http_url(node), upload.url)


@dataclass(frozen=True)
class Fetched:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def fetched(session: ClientSession, node: Node, url: str, **headers: str) -> Fetched:
    whole = url if url.startswith("http") else http_url(node) + url
    async with session.get(whole, headers=headers) as response:
        return Fetched(response.status, response.headers, await response.read())
