"""Uploads to a node: begun, cut off, resumed, completed, refused, given up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession
from lumina_protocol.accounts import Logout
from lumina_protocol.errors import LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.lifecycle import DeleteAccount
from lumina_protocol.messages import DeleteMessage, SendMessage
from lumina_protocol.tokens import CreateToken, RevokeToken
from lumina_protocol.uploads import (
    CancelUpload,
    CompleteUpload,
    GetParts,
    GetUpload,
    ListUploads,
    UploadList,
)

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from lumina_rt.workers import blobs as removals
from lumina_rt.workers.purge import Purge
from tests.house import PASSWORD, nodes, open_conversation, register, user
from tests.uploading import begin, complete, look, tus, wanted

DATA = os.urandom(1_000_000)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "EVERY_S", 0.02)


@asynccontextmanager
async def two(
    settings: Settings, **changes: object
) -> AsyncIterator[tuple[Node, Node, Client, ClientSession]]:
    """Two nodes, alice on the first, and an HTTP client."""
    async with nodes(settings, 2, **changes) as (one, other), ClientSession() as http:
        await register(one, "alice", "mallory")
        async with user(one, "alice") as alice:
            yield one, other, alice, http


def files(settings: Settings) -> list[Path]:
    folder = settings.blob_dir / "uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


async def only(settings: Settings, *media_ids: UUID) -> None:
    """Wait until there are files of these uploads alone."""
    async with asyncio.timeout(5):
        while {path.name[:36] for path in files(settings)} != set(map(str, media_ids)):
            await asyncio.sleep(0.02)


async def refusal(client: Client, request: object) -> tuple[str, str | None, str | None]:
    with pytest.raises(LuminaError) as caught:
        await client.call(request)  # type: ignore[arg-type]
    return caught.value.body.code, caught.value.body.field, caught.value.body.limit


async def test_an_upload_that_is_cut_off_is_resumed_on_another_node(settings: Settings) -> None:
    async with two(settings) as (one, other, alice, http):
        upload = await begin(alice, DATA)
        assert (upload.status, upload.received, upload.bytes) == ("uploading", 0, len(DATA))
        first, second = tus(http, one, upload), tus(http, other, upload)
        assert await first.offset() == 0

        reached = asyncio.Event()

        async def cut() -> AsyncIterator[bytes]:
            yield DATA[:700_000]
            await reached.wait()
            raise ConnectionError("the phone is in a tunnel")

        cutting = asyncio.ensure_future(first.patch(0, cut()))
        offset = 0
        async with asyncio.timeout(5):
            while not offset:
                offset = await second.offset()
        reached.set()
        await asyncio.wait([cutting])
        assert cutting.exception()
        async with asyncio.timeout(5):
            while (await second.patch(0, b""))[0] == 423:
                await asyncio.sleep(0.02)
        offset = await second.offset()
        assert 500_000 <= offset <= 700_000
        assert (await look(alice, upload.media_id)).received == offset
        assert [one.media_id for one in (await alice.call(ListUploads())).uploads] == [
            upload.media_id
        ]
        incomplete = await refusal(alice, CompleteUpload(media_id=upload.media_id))
        assert incomplete[0] == "incomplete"
        status, headers, _ = await second.patch(offset, DATA[offset:])
        assert (status, headers["Upload-Offset"]) == (204, str(len(DATA)))
        assert headers["Tus-Resumable"] == "1.0.0"
        assert "Upload-Expires" in headers
        done = await complete(alice, upload.media_id)
        assert (done.status, done.received, done.url) == ("uploaded", len(DATA), None)
        assert await complete(alice, upload.media_id) == done
        assert [path.read_bytes() for path in files(settings)] == [DATA]
        assert await first.offset() == len(DATA)
        assert (await first.patch(len(DATA), b""))[0] == 410
        assert (await alice.call(ListUploads())).uploads == []


async def test_what_was_not_said_is_refused_and_nothing_of_it_stays(settings: Settings) -> None:
    data = b"x" * 1000
    async with two(settings, max_sticker=900, upload_stall_s=0.3) as (one, other, alice, http):
        upload = await begin(alice, data)
        there = tus(http, one, upload)
        for offset, more in ((0, data + b"y"), (0, chunked(data, b"y")), (5, data)):
            status, _, body = await there.patch(offset, more)
            assert (status, bool(json.loads(body)["code"])) == (409 if offset else 413, True)
        assert await there.offset() <= len(data)
        begun = asyncio.get_running_loop().time()
        status, _, body = await tus(http, other, upload).patch(await there.offset(), stalled())
        assert (status, json.loads(body)["code"]) == (408, "too_slow")
        assert asyncio.get_running_loop().time() - begun < 5
        wrong = base64.b64encode(hashlib.sha1(b"other").digest()).decode()
        at = await there.offset()
        status, _, _ = await there.patch(at, data[at:], Upload_Checksum=f"sha1 {wrong}")
        assert (status, await there.offset()) == (460, at)
        right = base64.b64encode(hashlib.sha256(data[at:]).digest()).decode()
        status, _, _ = await there.patch(at, data[at:], Upload_Checksum=f"sha256 {right}")
        assert status == 204
        assert (await complete(alice, upload.media_id)).status == "uploaded"

        other_bytes = await begin(alice, data)
        assert (await tus(http, one, other_bytes).patch(0, b"z" * 1000))[0] == 204
        asked = CompleteUpload(media_id=other_bytes.media_id)
        assert (await refusal(alice, asked))[0] == "wrong_hash"
        assert (await refusal(alice, asked))[0] == "not_found"
        await only(settings, upload.media_id)


def chunked(*pieces: bytes) -> AsyncIterator[bytes]:
    async def give() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return give()


async def stalled() -> AsyncIterator[bytes]:
    yield b""
    await asyncio.sleep(10)


async def test_limits_are_named(settings: Settings) -> None:
    data = b"x" * 1000
    limits = {"max_sticker": 900, "uploads_open": 2, "media_quota": 3500}
    async with two(settings, **limits) as (_one, other, alice, http):
        assert await refusal(alice, wanted(data, kind="sticker")) == (
            "too_large", "bytes", "max_sticker",
        )  # fmt: skip
        svg = wanted(data).model_copy(update={"content_type": "image/svg+xml"})
        assert (await refusal(alice, svg))[:2] == ("invalid", "content_type")
        asked = [wanted(data) for _ in range(4)]
        first = (await alice.call(asked[0])).upload
        assert (await alice.call(asked[0])).upload == first, "asked again, it is the same one"
        changed = asked[0].model_copy(update={"sha256": "0" * 64})
        assert (await refusal(alice, changed))[:2] == ("conflict", "media_id")
        await alice.call(asked[1])
        assert (await refusal(alice, asked[2]))[::2] == ("too_many_uploads", "uploads_open")
        for one_of in asked[:2]:
            upload = await look(alice, one_of.media_id)
            await tus(http, other, upload).patch(0, data)
            await complete(alice, one_of.media_id)
        await alice.call(asked[2])
        assert (await refusal(alice, asked[3]))[::2] == ("quota_exceeded", "media_quota")
        assert (await refusal(alice, GetParts(media_id=asked[2].media_id)))[0] == "invalid"


async def test_an_upload_is_nobody_elses(settings: Settings) -> None:
    data = b"x" * 1000
    async with two(settings) as (_one, other, alice, http), user(other, "mallory") as mallory:
        upload = await begin(alice, data)
        name: dict[str, Any] = {"media_id": upload.media_id}
        for request in (GetUpload(**name), CompleteUpload(**name), GetParts(**name)):
            assert (await refusal(mallory, request))[:2] == ("not_found", "media_id")
        assert not (await mallory.call(CancelUpload(**name))).changed
        assert (await refusal(mallory, wanted(data, upload.media_id)))[0] == "conflict"
        hers = await begin(mallory, data)
        good = tus(http, other, upload)
        assert upload.url
        assert hers.url
        for bad in (
            upload.url.partition("?")[0],
            upload.url[:-1] + ("0" if upload.url[-1] != "0" else "1"),
            upload.url.replace("until=1", "until=2"),
            hers.url.partition("?")[0] + "?" + upload.url.partition("?")[2],
            "/v1/uploads/..%2f..%2fetc%2fpasswd?" + upload.url.partition("?")[2],
        ):
            status, _, body = await replace(good, path=bad).patch(0, data)
            assert (status, json.loads(body)["code"]) == (401, "invalid_token"), bad
        assert (await replace(good).ask("PATCH", data, Tus_Resumable="0.2.2"))[0] == 412
        status, headers, _ = await good.ask("OPTIONS")
        assert (status, headers["Tus-Version"]) == (204, "1.0.0")
        assert (await good.patch(0, data, Content_Type="image/png"))[0] == 415
        await alice.call(Logout())
        assert (await good.ask("HEAD"))[0] == 404


async def test_what_is_given_up_is_removed(settings: Settings, pg: asyncpg.Connection) -> None:
    data = b"x" * 1000
    async with two(settings) as (one, other, alice, http):
        cancelled, ended, late = [await begin(alice, data) for _ in range(3)]
        for upload in (cancelled, ended, late):
            await tus(http, one, upload).patch(0, data[:500])
        assert len(files(settings)) == 3
        assert (await alice.call(CancelUpload(media_id=cancelled.media_id))).changed
        assert not (await alice.call(CancelUpload(media_id=cancelled.media_id))).changed
        assert (await tus(http, other, ended).ask("DELETE"))[0] == 204
        await only(settings, late.media_id)
        await pg.execute("update media_objects set expires_at = now()")
        assert (await tus(http, other, late).patch(500, data[500:]))[0] == 404
        assert (await refusal(alice, CompleteUpload(media_id=late.media_id)))[0] == "not_found"
        assert await alice.call(ListUploads()) == UploadList(uploads=[])
        await Purge(one.services.db, one.settings, one.telemetry).turn()
        await only(settings)
        assert await pg.fetchval("select count(*) from media_objects") == 0


async def test_a_request_that_hangs_makes_room_for_the_next_one(settings: Settings) -> None:
    async with two(settings, upload_stall_s=60) as (one, other, alice, http):
        upload = await begin(alice, DATA)
        hanging = asyncio.ensure_future(tus(http, one, upload).patch(0, held(DATA[:700_000])))
        there, elsewhere = tus(http, one, upload), tus(http, other, upload)
        async with asyncio.timeout(5):
            while not await elsewhere.offset():
                await asyncio.sleep(0.01)
        at = await elsewhere.offset()
        status, headers, _ = await elsewhere.patch(at, DATA[at:])
        assert (status, "Retry-After" in headers) == (423, True)
        assert (await refusal(alice, CompleteUpload(media_id=upload.media_id)))[0] == "incomplete"
        at = await there.offset()
        assert (await there.patch(at, DATA[at:]))[0] == 204
        with pytest.raises(ClientError):
            await hanging
        assert (await complete(alice, upload.media_id)).status == "uploaded"


async def held(data: bytes) -> AsyncIterator[bytes]:
    yield data
    await asyncio.Event().wait()


async def test_a_bot_uploads_if_it_may_write(settings: Settings) -> None:
    data = b"x" * 1000
    async with two(settings) as (one, other, alice, http):
        bot_id = uuid7()
        writes = await alice.call(
            CreateToken(token_id=bot_id, name="writes", scopes=["read", "messages.write"])
        )
        reads = await alice.call(CreateToken(token_id=uuid7(), name="reads", scopes=["read"]))
        async with Client(other.url, token=writes.token) as bot:
            upload = await begin(bot, data)
            assert (await tus(http, one, upload).patch(0, data))[0] == 204
            assert (await complete(bot, upload.media_id)).status == "uploaded"
            left = await begin(bot, data)
        await alice.call(RevokeToken(token_id=bot_id))
        assert (await tus(http, one, left).patch(0, data))[0] == 404
        async with Client(other.url, token=reads.token) as reader:
            assert (await refusal(reader, wanted(data)))[0] == "missing_scope"


async def test_with_an_account_go_its_files(settings: Settings) -> None:
    data = b"x" * 1000
    async with two(settings) as (one, _other, alice, http):
        for whole in (True, False):
            upload = await begin(alice, data)
            await tus(http, one, upload).patch(0, data if whole else data[:9])
            if whole:
                await complete(alice, upload.media_id)
        await alice.call(DeleteAccount(password=PASSWORD))
        purge, now = Purge(one.services.db, one.settings, one.telemetry), datetime.now(UTC)
        erased = now + timedelta(days=settings.delete_after_days, hours=1)
        await purge.turn(erased)
        assert len(files(settings)) == 1
        await purge.turn(erased + timedelta(days=settings.purge_after_days))
        await only(settings)


async def test_media_that_nothing_shows_are_collected(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    data = b"x" * 1000
    async with two(settings) as (one, _other, alice, http):
        unused, shown = [await begin(alice, data) for _ in range(2)]
        for upload in (unused, shown):
            await tus(http, one, upload).patch(0, data)
            await complete(alice, upload.media_id)
        await pg.execute("update media_objects set status = 'ready'")
        made = Made(settings.blob_dir)
        await pg.execute(
            "update media_objects set variants = $1",
            json.dumps([{"name": "large", "storage_key": made.key(shown.media_id)}]),
        )
        for upload in (unused, shown):
            made.write(upload.media_id)
        sent = SendMessage(
            conversation_id=await open_conversation(alice, "mallory"),
            message_id=uuid7(),
            message_type="image",
            media_ids=[shown.media_id],
        )
        await alice.call(sent)
        purge = Purge(one.services.db, one.settings, one.telemetry)
        await purge.turn()
        assert len(files(settings)) == 2, "not before its time"
        week = timedelta(days=settings.media_unused_days)
        await purge.turn(datetime.now(UTC) + week)
        await only(settings, shown.media_id)
        assert made.kept() == [shown.media_id]
        deleted = DeleteMessage(
            conversation_id=sent.conversation_id, message_id=sent.message_id, op_id=uuid7()
        )
        await alice.call(deleted)
        await purge.turn(datetime.now(UTC) + week)
        await only(settings)
        assert made.kept() == []


@dataclass(frozen=True)
class Made:
    """What processing would have made."""

    folder: Path

    def key(self, media_id: UUID) -> str:
        return f"media/{media_id}/large.webp"

    def write(self, media_id: UUID) -> None:
        path = self.folder / self.key(media_id)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"large")

    def kept(self) -> list[UUID]:
        return sorted(UUID(path.name) for path in (self.folder / "media").iterdir())
