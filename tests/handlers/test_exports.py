"""All that a user has, through the front door: asked for, made, fetched by a link, gone."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiohttp import ClientSession
from lumina_protocol.accounts import Logout
from lumina_protocol.errors import ErrorBody, LuminaError
from lumina_protocol.exports import (
    Export,
    ExportAccount,
    ExportChanged,
    ExportStatus,
    ListExports,
)
from lumina_protocol.fields import uuid7

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.workers import exports as workers
from tests.house import nodes, open_conversation, register, say, user
from tests.http.asking import http_url
from tests.oracle import oracle


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "EVERY_S", 0.02)


async def ask(client: Client, export_id: UUID | None = None) -> Export:
    return (await client.call(ExportAccount(export_id=export_id or uuid7()))).export


async def until(inbox: Inbox, status: ExportStatus) -> Export:
    async for news in inbox:
        if isinstance(news, ExportChanged) and news.export.status == status:
            return news.export
    raise AssertionError("an inbox does not end")


async def made(client: Client) -> Export:
    with client.inbox() as inbox:
        await ask(client)
        return await until(inbox, "ready")


async def link(client: Client) -> str:
    ((found),) = (await client.call(ListExports())).links
    return found.link


async def fetch(node: Node, path: str, **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
    async with ClientSession() as session, session.get(http_url(node) + path, headers=headers) as r:
        return r.status, await r.read(), r.headers


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


async def refusal(client: Client, export_id: UUID | None = None) -> ErrorBody:
    with pytest.raises(LuminaError) as caught:
        await ask(client, export_id)
    return caught.value.body


async def test_what_somebody_has_is_fetched_from_any_node(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(other, "bob") as bob:
            conversation = await open_conversation(alice, "bob")
            await say(alice, conversation, "what I said")
            await say(bob, conversation, "what the other said")
            async with oracle(alice, bob):
                export = await made(alice)
            status, body, headers = await fetch(other, await link(alice))
        assert (status, len(body)) == (200, export.size_bytes)
        assert headers["Content-Type"] == "application/zip"
        assert headers["Content-Disposition"].startswith("attachment;")
        assert "no-store" in headers["Cache-Control"]
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            (account,) = lines(archive, "account.jsonl")
            assert (account["username"], account["email"]) == ("alice", None)
            said = [line["content"] for line in lines(archive, "messages.jsonl")]
            assert said == ["what I said"]
            about = archive.read("README.txt").decode()
            assert all(name in about for name in archive.namelist() if name != "README.txt")
            assert "what the other said" not in str([archive.read(n) for n in archive.namelist()])


async def test_a_download_that_broke_off_goes_on(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            await made(alice)
            path = await link(alice)
            _, whole, headers = await fetch(node, path)
            first = await fetch(node, path, Range="bytes=0-99")
            rest = await fetch(node, path, **{"Range": "bytes=100-", "If-Range": headers["ETag"]})
        assert (first[0], rest[0]) == (206, 206)
        assert first[1] + rest[1] == whole


async def test_a_link_ends_with_its_login_and_is_nobody_elses(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "mallory")
        async with user(one, "alice") as alice, user(other, "mallory") as mallory:
            await made(alice)
            good, hers = await link(alice), (await made(mallory)).export_id
            for bad in (
                good.split("?", maxsplit=1)[0],
                good[:-1] + ("0" if good[-1] != "0" else "1"),
                good.replace("until=1", "until=2"),
                f"/v1/exports/{hers}?{good.partition('?')[2]}",
                "/v1/exports/../../etc/passwd",
                "/v1/exports/none?login=x&until=y&signature=%00",
            ):
                status, body, _ = await fetch(other, bad)
                assert status in (401, 404), bad
                assert json.loads(body)["code"] in ("invalid_token", "not_found")
            assert (await fetch(other, good))[0] == 200
            await alice.call(Logout())
        status, body, _ = await fetch(other, good)
        assert (status, json.loads(body)["code"]) == (404, "not_found")


async def test_asked_again_it_is_the_same_one(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob")
        async with user(one, "alice") as alice, user(other, "bob") as bob:
            export = await made(alice)
            assert await ask(alice, export.export_id) == export
            taken = await refusal(bob, export.export_id)
            assert (taken.code, taken.field) == ("conflict", "export_id")
            assert len((await alice.call(ListExports())).exports) == 1


async def test_one_at_a_time_and_three_in_seven_days(
    settings: Settings, pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "EVERY_S", 3600)
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice")
        async with user(one, "alice") as phone, user(other, "alice") as tablet:
            asked = await asyncio.gather(*map(ask, (phone, tablet)), return_exceptions=True)
            assert sorted(type(each).__name__ for each in asked) == ["Export", "LuminaError"]
            assert (await refusal(phone)).code == "conflict"
            for age, status in ((6, "failed"), (5, "gone"), (4, "gone")):
                await pg.execute(
                    "insert into account_exports (export_id, user_id, status, created_at)"
                    " select $1, user_id, $2, now() - $3::interval from users",
                    uuid7(), status, timedelta(days=age),
                )  # fmt: skip
            await pg.execute("update account_exports set status = 'gone' where status = 'pending'")
            refused = await refusal(phone)
            assert (refused.code, refused.limit) == ("rate_limited", "export")
            days = (refused.retry_after_ms or 0) / 86_400_000
            assert 1.9 < days <= 2, "the oldest of three is five days old"
            await pg.execute("update account_exports set created_at = created_at - interval '2 d'")
            assert (await ask(tablet)).status == "pending"


async def test_its_time_is_over_by_itself_and_the_file_is_removed(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice")
        async with user(one, "alice") as alice, user(other, "alice") as tablet:
            export = await made(alice)
            path = await link(alice)
            (kept,) = (settings.blob_dir / "exports").iterdir()
            assert kept.stat().st_size == export.size_bytes
            with tablet.inbox() as inbox:
                async with oracle(alice):
                    await pg.execute("update account_exports set expires_at = now()")
                    assert (await until(inbox, "gone")).expires_at is None
            assert not kept.exists()
            assert (await fetch(other, path))[0] == 404
            assert (await tablet.call(ListExports())).links == []


async def test_a_file_that_is_not_on_this_node_is_told_to_the_operator(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        async with user(node, "alice") as alice:
            await made(alice)
            for path in (settings.blob_dir / "exports").iterdir():
                path.unlink()
            assert (await fetch(node, await link(alice)))[0] == 404
    assert "LUMINA_BLOB_DIR" in capsys.readouterr().out
