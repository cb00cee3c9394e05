"""A large file goes up, is cut in the middle and resumed, and comes back byte for byte, while the
memory of the server stays flat. LUMINA_TEST_LARGE_MB says how large."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import ClientError, ClientSession
from lumina_protocol.accounts import Register
from lumina_protocol.fields import uuid7
from lumina_protocol.media_urls import GetMediaUrls
from lumina_protocol.uploads import CreateUpload, GetParts

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.blobs.bucket import REAL, s3
from tests.house import PASSWORD
from tests.serving import Served, serving
from tests.uploading import Tus, complete, look

MEBIBYTE = 1024 * 1024
SIZE = int(os.environ.get("LUMINA_TEST_LARGE_MB", "24")) * MEBIBYTE + 12_345
BLOCK = os.urandom(MEBIBYTE)
MOST_MORE = 32 * MEBIBYTE
"""How much more memory a node may take."""


def pieces(first: int, size: int) -> Iterator[bytes]:
    """Of a file in which each block is another."""
    at, end = first, first + size
    while at < end:
        number, skip = divmod(at, MEBIBYTE)
        block = number.to_bytes(8, "big") + BLOCK[8:]
        piece = block[skip : skip + end - at]
        yield piece
        at += len(piece)


async def sent(first: int, size: int) -> AsyncIterator[bytes]:
    for piece in pieces(first, size):
        yield piece
        await asyncio.sleep(0)


def digest() -> str:
    whole = hashlib.sha256()
    for piece in pieces(0, SIZE):
        whole.update(piece)
    return whole.hexdigest()


def large() -> CreateUpload:
    return CreateUpload(
        media_id=uuid7(), kind="video", bytes=SIZE, sha256=digest(), content_type="video/mp4"
    )


async def comes_back(client: Client, http: ClientSession, host: str, asked: CreateUpload) -> None:
    (found,) = (await client.call(GetMediaUrls(media_ids=[asked.media_id]))).urls
    whole = hashlib.sha256()
    url = found.url if found.url.startswith("http") else host + found.url
    async with http.get(url) as response:
        assert response.content_length == SIZE
        async for data in response.content.iter_chunked(MEBIBYTE):
            whole.update(data)
    assert whole.hexdigest() == asked.sha256


def flat(name: str, before: int, *nodes: Served) -> None:
    """Says it too, for `pytest -s`."""
    most = max(node.most_memory() for node in nodes)
    sizes = f"{before / 1e6:.1f} MB before, at most {most / 1e6:.1f} MB"
    print(f"{name}, {SIZE / MEBIBYTE:.0f} MiB: the node {sizes}")  # noqa: T201
    assert most - before < MOST_MORE, (before, most)


async def person(node: Served) -> None:
    async with Client(node.url) as client:
        await client.call(Register(username="alice", password=PASSWORD))


def alice_at(node: Served) -> Client:
    return Client(node.url, username="alice", password=PASSWORD)


@pytest.mark.once
@pytest.mark.timeout(120)
async def test_by_tus(settings: Settings) -> None:
    async with serving(settings, node="a") as one, serving(settings, node="b") as other:
        await person(one)
        async with alice_at(one) as alice, ClientSession() as http:
            upload = (await alice.call(asked := large())).upload
            assert upload.url
            before = max(one.memory(), other.memory())
            first, second = (Tus(http, node.http, upload.url) for node in (one, other))
            sending = asyncio.ensure_future(first.patch(0, sent(0, SIZE)))
            while await second.offset() < SIZE // 2:
                await asyncio.sleep(0.005)
            sending.cancel()
            await asyncio.wait([sending])
            while (await second.patch(0, b""))[0] == 423:
                await asyncio.sleep(0.02)
            while (at := await second.offset()) < SIZE:
                assert (await second.patch(at, sent(at, SIZE - at)))[0] == 204
            assert (await complete(alice, asked.media_id)).status == "uploaded"
            await comes_back(alice, http, other.http, asked)
            flat("folder", before, one, other)


async def put(http: ClientSession, url: str, first: int, size: int) -> None:
    length = {"Content-Length": str(size)}
    async with http.put(url, data=sent(first, size), headers=length) as response:
        assert response.status == 200


async def cut(http: ClientSession, url: str, first: int, size: int) -> None:
    """The connection breaks in the middle of a part."""

    async def half() -> AsyncIterator[bytes]:
        async for piece in sent(first, size // 2):
            yield piece
        raise ConnectionAbortedError

    with pytest.raises((ClientError, OSError)):
        async with http.put(url, data=half(), headers={"Content-Length": str(size)}):
            pass


@pytest.mark.once
@pytest.mark.timeout(120)
async def test_in_parts(settings: Settings) -> None:
    async with s3() as bucket, serving(settings, **bucket.settings) as node:
        await person(node)
        async with alice_at(node) as alice, ClientSession() as http:
            upload = (await alice.call(asked := large())).upload
            before, each = node.memory(), upload.part_bytes or 0
            parts = (await alice.call(GetParts(media_id=asked.media_id))).parts
            places = [((part.part - 1) * each, part.bytes) for part in parts]
            half = len(parts) // 2
            for part, place in zip(parts[:half], places, strict=False):
                await put(http, part.url, *place)
            await cut(http, parts[half].url, *places[half])
            there = (await look(alice, asked.media_id)).parts_received
            assert there == [part.part for part in parts[:half]]
            for part, place in zip(parts[half:], places[half:], strict=True):
                await put(http, part.url, *place)
            assert (await complete(alice, asked.media_id)).status == "uploaded"
            await comes_back(alice, http, "", asked)
        flat("a real S3" if REAL else "moto", before, node)
