from __future__ import annotations

import asyncio

import asyncpg
import pytest
from lumina_protocol.accounts import Login, Register
from lumina_protocol.errors import LuminaError
from lumina_protocol.session import Authenticate, Ping

from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import PASSWORD, nodes, register


async def test_registering_gives_a_token_that_works_on_every_node(settings: Settings) -> None:
    async with nodes(settings, 2) as (one, two):
        async with Client(one.url) as stranger:
            made = await stranger.call(Register(username="alice", password=PASSWORD))
        async with Client(two.url, token=made.token) as alice:
            ready = alice.ready
    assert ready is not None
    assert (ready.user_id, ready.username) == (made.user_id, "alice")


@pytest.mark.parametrize("other", ["ALICE", "ａｌｉｃｅ", "alice"])
async def test_one_name_in_any_form_belongs_to_one_user(settings: Settings, other: str) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as stranger:
        made = await stranger.call(Register(username="alice", password=PASSWORD))
        with pytest.raises(LuminaError, match="username_taken"):
            await stranger.call(Register(username=other, password=PASSWORD))
        again = await stranger.call(Login(username=other, password=PASSWORD))
    assert again.user_id == made.user_id


async def test_of_many_who_want_one_name_at_once_one_gets_it(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async def attempt(url: str) -> bool:
        async with Client(url) as stranger:
            try:
                await stranger.call(Register(username="alice", password=PASSWORD))
            except LuminaError as error:
                assert error.body.code == "username_taken"
                return False
            return True

    async with nodes(settings, 2) as running:
        won = await asyncio.gather(*(attempt(node.url) for node in running * 5))
    assert won.count(True) == 1
    assert await pg.fetchval("select count(*) from users") == 1


@pytest.mark.parametrize("username", ["alice", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    settings: Settings, username: str
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        async with Client(node.url) as stranger:
            with pytest.raises(LuminaError) as refused:
                await stranger.call(Login(username=username, password="not the password"))
            await stranger.call(Ping())
    assert refused.value.body.code == "wrong_credentials"
    assert refused.value.body.field is None


async def test_the_end_of_a_long_password_counts(settings: Settings) -> None:
    """bcrypt alone would read 72 bytes."""
    long = "x" * 999
    async with nodes(settings, 1) as (node,), Client(node.url) as stranger:
        await stranger.call(Register(username="alice", password=f"{long}a"))
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await stranger.call(Login(username="alice", password=f"{long}b"))


async def test_a_password_is_kept_as_a_hash_only(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
    row = await pg.fetchrow("select to_jsonb(users)::text as text from users")
    assert row is not None
    assert PASSWORD not in row["text"]
    assert "$2b$" in row["text"]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
async def test_a_wrong_token_is_refused_and_the_fifth_closes(
    settings: Settings, token: str
) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as stranger:
        for _ in range(5):
            with pytest.raises(LuminaError, match="invalid_token"):
                await stranger.call(Authenticate(token=token))
        with pytest.raises(Exception, match="4501"):
            await stranger.call(Ping())


async def test_an_account_that_is_switched_off_cannot_get_in(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,), Client(node.url) as stranger:
        made = await stranger.call(Register(username="alice", password=PASSWORD))
        await pg.execute("update users set is_active = false")
        with pytest.raises(LuminaError, match="wrong_credentials"):
            await stranger.call(Login(username="alice", password=PASSWORD))
        with pytest.raises(LuminaError, match="session_ended"):
            await stranger.call(Authenticate(token=made.token))
