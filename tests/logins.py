"""Logins and connections without the SDK's own ways: what each step answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumina_protocol.accounts import Device, Login, Tokens
from lumina_protocol.codec import MSGPACK
from lumina_protocol.session import Authenticate

from lumina_rt.app import Node
from lumina_rt.client import Disconnected
from lumina_rt.client.link import Link
from tests.house import PASSWORD

LIMIT_S = 5


@asynccontextmanager
async def link_to(node: Node) -> AsyncIterator[Link]:
    link = await Link.open(node.url, MSGPACK, lambda event: None)
    reading = asyncio.create_task(link.read())
    try:
        yield link
    finally:
        await link.close()
        await reading


async def log_in(node: Node, username: str = "alice", device: Device | None = None) -> Tokens:
    async with link_to(node) as link:
        return await link.call(Login(username=username, password=PASSWORD, device=device))


@asynccontextmanager
async def socket(
    node: Node, tokens: Tokens | str
) -> AsyncIterator[tuple[Link, asyncio.Task[Disconnected]]]:
    """An authenticated connection, and what it ends with."""
    link = await Link.open(node.url, MSGPACK, lambda event: None)
    reading = asyncio.create_task(link.read())
    try:
        await link.call(Authenticate(token=tokens if isinstance(tokens, str) else tokens.token))
        yield link, reading
    finally:
        await link.close()
        await reading


async def ended(reading: asyncio.Task[Disconnected]) -> int:
    async with asyncio.timeout(LIMIT_S):
        return (await asyncio.shield(reading)).code
