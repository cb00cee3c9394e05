"""Who takes part: accounts that are registered through the front door."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from lumina_protocol.accounts import Register
from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Reply, Request

from loadtest.accounts import REGISTRARS
from loadtest.screen import Advance
from lumina_rt.client import Client
from lumina_rt.client.backoff import delays

Part = dict[str, tuple[UUID, ...]]
"""What a user has to do with: ids of conversations, posts or people, by what the scenario calls
them. Of CONVERSATIONS the user has to get every message."""
CONVERSATIONS = "conversations"
T = TypeVar("T")
R = TypeVar("R", bound=Reply)


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    user_id: UUID
    name: str
    password: str
    token: str


async def enlist(url: str, count: int, advance: Advance) -> list[Person]:
    """New users. Raises LuminaError, ClientError or OSError."""
    made: list[Person] = []
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Client(url))
        made.append(await _register(first, 0))
        # A stranger has only seconds; who is known may stay and register others.
        opening = [Client(url, token=made[0].token) for _ in range(REGISTRARS)]
        clients = [await stack.enter_async_context(client) for client in opening]

        async def register(number: int) -> None:
            client = clients.pop()
            made.append(await _register(client, number))
            clients.append(client)
            advance(len(made))

        await a_few_at_a_time(range(1, count), register)
    return sorted(made, key=lambda person: person.number)


async def patient(client: Client, request: Request[R]) -> R:
    """The answer, however often the server says that it has too much to do. Raises LuminaError
    when it refuses for good, or ClientError."""
    for delay in delays():
        try:
            return await client.call(request)
        except LuminaError as refused:
            if not refused.body.temporary:
                raise
            await asyncio.sleep((refused.body.retry_after_ms or 0) / 1000 + delay)
    raise AssertionError("delays do not end")


async def a_few_at_a_time(items: Iterable[T], do: Callable[[T], Awaitable[None]]) -> None:
    """As many at once as there are registrars."""
    waiting = iter(items)

    async def one_after_another() -> None:
        for item in waiting:  # shared: each takes the next one
            await do(item)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(REGISTRARS):
            tasks.create_task(one_after_another())


async def _register(client: Client, number: int) -> Person:
    password = secrets.token_hex(8)
    request = Register(username=f"u{number}_{secrets.token_hex(4)}", password=password)
    made = await client.call(request)
    return Person(number, made.user_id, made.username, password, made.token)
