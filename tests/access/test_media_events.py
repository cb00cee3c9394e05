"""Who is told what becomes of an upload: the devices of its owner, and nobody else, whatever they
may see of them. A row a person, a column an event."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack

import pytest
from aiohttp import ClientSession
from lumina_protocol.blocks import BlockUser
from lumina_protocol.fields import uuid7
from lumina_protocol.follows import FollowUser, SetFollow
from lumina_protocol.frame import Event
from lumina_protocol.watches import Watch

from lumina_rt.app import Node
from lumina_rt.client import Client, Inbox
from lumina_rt.config import Settings
from lumina_rt.workers import processing
from tests.access.table import cells
from tests.handlers.test_message_reactions import id_of
from tests.house import nodes, open_conversation, register, say, user
from tests.media.files import archive, photo
from tests.uploading import begin, complete, tus

TOLD = """
who           media.progress  media.ready  media.failed
owner         yes             yes          yes
owner_too     yes             yes          yes
close_friend  -               -            -
member        -               -            -
watcher       -               -            -
stranger      -               -            -
blocked       -               -            -
"""
OTHERS = ("close_friend", "member", "watcher", "stranger", "blocked")
WHO = ("owner", "owner_too", *OTHERS)


async def uploaded(client: Client, http: ClientSession, node: Node, content: bytes) -> None:
    upload = await begin(client, content)
    assert (await tus(http, node, upload).patch(0, content))[0] == 204
    await complete(client, upload.media_id)


async def heard(inbox: Inbox, fence: str) -> set[str]:
    """Until somebody has said the last thing to them."""
    types: set[str] = set()
    async for news in inbox:
        if isinstance(news, Event):
            types.add(news.type)
            message = getattr(news, "message", None)
            if message is not None and message.content == fence:
                return types
    raise AssertionError("an inbox does not end")


async def test_only_its_owner_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "EVERY_S", 0.05)
    async with nodes(settings, 2, media_at_once=1) as (one, other), AsyncExitStack() as stack:
        await register(one, "owner", "host", *OTHERS)
        http = await stack.enter_async_context(ClientSession())
        people = {
            name: await stack.enter_async_context(user(other, name)) for name in ("host", *OTHERS)
        }
        owner = await stack.enter_async_context(user(one, "owner"))
        people |= {"owner": owner}
        people |= {"owner_too": await stack.enter_async_context(user(other, "owner"))}
        await people["close_friend"].call(FollowUser(op_id=uuid7(), user_id=id_of(owner)))
        await owner.call(FollowUser(op_id=uuid7(), user_id=id_of(people["close_friend"])))
        for name in ("close_friend", "member"):
            await open_conversation(owner, name)
        await owner.call(
            SetFollow(op_id=uuid7(), user_id=id_of(people["close_friend"]), close_friend=True)
        )
        await people["watcher"].call(Watch(subject_type="profile", subject_id=id_of(owner)))
        await owner.call(BlockUser(op_id=uuid7(), user_id=id_of(people["blocked"])))
        with ExitStack() as inboxes:
            listening = {name: inboxes.enter_context(c.inbox()) for name, c in people.items()}
            with owner.inbox() as own:
                for content in (photo(), archive()):
                    await uploaded(owner, http, one, content)
                waits = {"media.ready", "media.failed"}
                async with asyncio.timeout(10):
                    while waits:
                        waits.discard(getattr(await anext(own), "type", ""))
            for name in ("owner", *OTHERS):
                talk = await open_conversation(people["host"], name)
                await say(people["host"], talk, "the end")
            async with asyncio.timeout(10):
                told = {name: await heard(listening[name], "the end") for name in WHO}
            for cell in cells(TOLD):
                assert (cell.column in told[cell.row]) is (cell.says == "yes"), cell
