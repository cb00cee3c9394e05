"""Accounts, made through the front door with the SDK."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import AsyncExitStack
from uuid import UUID

from lumina_protocol.accounts import Register
from lumina_protocol.conversations import CreateConversation
from lumina_protocol.fields import uuid7

from loadtest.screen import Advance
from lumina_rt.client import Client

REGISTRARS = 8
"""Connections that register; more would wait for each other in the server's bcrypt threads."""


async def register(url: str, count: int, advance: Advance) -> list[tuple[str, str]]:
    """New users: their names and tokens. Raises LuminaError, ClientError or OSError."""
    names = iter([f"u{number}_{secrets.token_hex(4)}" for number in range(count)])
    made: list[tuple[str, str]] = []

    async def registrar(client: Client) -> None:
        for name in names:  # shared: each takes the next one
            made.append((name, await _register(client, name)))
            advance(len(made))

    async with AsyncExitStack() as stack:
        async with Client(url) as stranger:
            token = await _register(stranger, f"registrar_{secrets.token_hex(4)}")
        # A stranger has only seconds; who is known may stay and register others.
        opening = [Client(url, token=token) for _ in range(REGISTRARS)]
        clients = [await stack.enter_async_context(client) for client in opening]
        async with asyncio.TaskGroup() as tasks:
            for client in clients:
                tasks.create_task(registrar(client))
    return made


async def introduce(url: str, pairs: Iterable[tuple[str, str]]) -> dict[str, UUID]:
    """A direct conversation for each token and name; by token. Raises as `register` does."""
    waiting = iter(pairs)
    made: dict[str, UUID] = {}

    async def introducer() -> None:
        for token, name in waiting:
            request = CreateConversation(conversation_id=uuid7(), username=name)
            async with Client(url, token=token) as client:
                made[token] = (await client.call(request)).conversation.conversation_id

    async with asyncio.TaskGroup() as tasks:
        for _ in range(REGISTRARS):
            tasks.create_task(introducer())
    return made


async def _register(client: Client, name: str) -> str:
    request = Register(username=name, password=secrets.token_hex(8))
    return (await client.call(request)).token
