"""Users of a bench, as connections of the SDK that say each request by itself."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from lumina_protocol.accounts import Login, Register
from lumina_protocol.codec import MSGPACK
from lumina_protocol.session import Authenticate

from lumina_rt.client.link import Link

PASSWORD = "correct horse battery"  # noqa: S105
MOST_TALKATIVE = """
select sender_id from messages where sender_id is not null
group by sender_id order by count(*) desc, sender_id limit 1"""
LEND = """
update users set password_hash = lender.password_hash
from users lender where lender.username = $1 and users.user_id = $2
returning users.username"""


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    """Greeted, and not authenticated yet."""
    link = await Link.open(url, MSGPACK, lambda event: None)
    reading = asyncio.create_task(link.read())
    try:
        await link.hello()
        yield link
    finally:
        await link.close()
        await reading


@asynccontextmanager
async def logged_in(url: str, username: str) -> AsyncIterator[Link]:
    async with linked(url) as link:
        tokens = await link.call(Login(username=username, password=PASSWORD))
        await link.call(Authenticate(token=tokens.token))
        yield link


async def newcomer(url: str) -> tuple[str, str]:
    """A new user: name and token."""
    name = f"bench_{secrets.token_hex(4)}"
    async with linked(url) as link:
        tokens = await link.call(Register(username=name, password=PASSWORD))
    return name, tokens.token


async def most_talkative(url: str, database_url: str) -> str:
    """The name of the made-up user with most messages, who can log in from now on."""
    connection = await asyncpg.connect(database_url)
    try:
        user_id = await connection.fetchval(MOST_TALKATIVE)
    finally:
        await connection.close()
    (name,) = await lend(url, database_url, [user_id])
    return name


async def lend(url: str, database_url: str, user_ids: Iterable[UUID]) -> list[str]:
    """The names of these users, who can log in from now on, with PASSWORD."""
    lender, _ = await newcomer(url)
    connection = await asyncpg.connect(database_url)
    try:
        return [await connection.fetchval(LEND, lender, user_id) for user_id in user_ids]
    finally:
        await connection.close()
