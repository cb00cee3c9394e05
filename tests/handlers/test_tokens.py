"""Tokens of bots: what they may do, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from lumina_protocol.conversations import ListConversations
from lumina_protocol.errors import CloseCode, LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Request
from lumina_protocol.logins import ListSessions
from lumina_protocol.messages import MessageCreated, ReadHistory
from lumina_protocol.session import Authenticate, Ping
from lumina_protocol.tokens import CreateToken, ListTokens, RevokeToken, Scope

from lumina_rt.app import Node
from lumina_rt.client import Client
from lumina_rt.config import Settings
from tests.house import nodes, open_conversation, register, say, user
from tests.locks import awaited
from tests.logins import LIMIT_S, ended, link_to, socket


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "bob", "mallory")
        yield one, other


async def make(owner: Client, *scopes: Scope) -> tuple[CreateToken, str]:
    asked = CreateToken(token_id=uuid7(), name="bot", scopes=list(scopes))
    return asked, (await owner.call(asked)).token


async def test_a_bot_does_what_its_scopes_allow_and_no_more(two: tuple[Node, Node]) -> None:
    one, other = two
    async with user(one, "alice") as alice:
        talk = await open_conversation(alice, "bob")
        _, writer = await make(alice, "messages.write")
        _, reader = await make(alice, "read")
    refused: list[tuple[str, Request[Any]]] = [
        (writer, ReadHistory(conversation_id=talk)),
        (writer, ListConversations()),
        (writer, ListTokens()),
        (reader, ListSessions()),
        (reader, CreateToken(token_id=uuid7(), name="more", scopes=["messages.write"])),
    ]
    for token, asked in refused:
        async with link_to(other) as link:
            await link.call(Authenticate(token=token))
            with pytest.raises(LuminaError, match="missing_scope"):
                await link.call(asked)
            await link.call(Ping())
    async with link_to(one) as link:
        await link.call(Authenticate(token=reader))
        assert (await link.call(ReadHistory(conversation_id=talk))).messages == []


async def test_a_bot_that_may_not_read_is_told_nothing(two: tuple[Node, Node]) -> None:
    one, other = two
    async with user(one, "alice") as alice, user(other, "bob") as bob:
        talk = await open_conversation(alice, "bob")
        _, reader = await make(alice, "read", "messages.write")
        _, writer = await make(alice, "messages.write")
        heard: dict[str, list[object]] = {reader: [], writer: []}
        async with link_to(other) as seeing, link_to(other) as deaf:
            seeing._tell, deaf._tell = heard[reader].append, heard[writer].append
            await seeing.call(Authenticate(token=reader))
            await deaf.call(Authenticate(token=writer))
            with alice.inbox() as inbox:
                await say(bob, talk, "hello")
                async with asyncio.timeout(LIMIT_S):
                    while not isinstance(await anext(inbox), MessageCreated):
                        pass
            await asyncio.gather(seeing.call(Ping()), deaf.call(Ping()))
        assert [type(event) for event in heard[reader]] == [MessageCreated]
        assert heard[writer] == []


async def test_a_revoked_token_closes_its_connections_on_every_node(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    async with user(one, "alice") as alice:
        for scope in ("read", "messages.write"):
            asked, token = await make(alice, scope)
            async with socket(other, token) as (_, reading):
                await alice.call(RevokeToken(token_id=asked.token_id))
                assert await ended(reading) == CloseCode.SESSION_ENDED
            async with link_to(one) as link:
                with pytest.raises(LuminaError, match="invalid_token"):
                    await link.call(Authenticate(token=token))


async def test_tokens_are_listed_without_their_secret(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    async with user(one, "alice") as alice:
        asked, token = await make(alice, "read")
        async with link_to(one) as link:
            await link.call(Authenticate(token=token))
        reply = await alice.call(ListTokens())
        (listed,) = reply.tokens
        assert (listed.token_id, listed.name, listed.scopes) == (asked.token_id, "bot", ["read"])
        assert listed.last_used_at
        assert token not in repr(reply)
        for row in await pg.fetch("select t::text as row from access_tokens t"):
            assert token not in row["row"]
        with pytest.raises(LuminaError, match="conflict"):
            await alice.call(asked)
    async with user(one, "mallory") as mallory:
        assert (await mallory.call(ListTokens())).tokens == []
        with pytest.raises(LuminaError, match="not_found"):
            await mallory.call(RevokeToken(token_id=asked.token_id))


async def test_an_expired_token_is_refused(two: tuple[Node, Node], pg: asyncpg.Connection) -> None:
    one, _ = two
    async with user(one, "alice") as alice:
        asked = CreateToken(token_id=uuid7(), name="bot", scopes=["read"], expires_at=1)
        token = (await alice.call(asked)).token
    async with link_to(one) as link:
        with pytest.raises(LuminaError, match="invalid_token"):
            await link.call(Authenticate(token=token))


async def test_a_user_has_so_many_tokens(
    two: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumina_rt.handlers.tokens.MAX_TOKENS", 2)
    async with user(two[0], "alice") as alice:
        first, _ = await make(alice, "read")
        await make(alice, "read")
        with pytest.raises(LuminaError, match="conflict"):
            await make(alice, "read")
        await alice.call(RevokeToken(token_id=first.token_id))
        await make(alice, "read")


async def test_of_two_that_are_made_at_once_one_is_the_last(
    two: tuple[Node, Node], pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumina_rt.handlers.tokens.MAX_TOKENS", 1)
    one, other = two
    async with user(one, "alice") as phone, user(other, "alice") as tablet:
        async with pg.transaction():
            await pg.execute("select from users where username = 'alice' for update")
            made = [asyncio.create_task(make(each, "read")) for each in (phone, tablet)]
            await awaited(pg)
        results = await asyncio.gather(*made, return_exceptions=True)
        assert [r.body.code for r in results if isinstance(r, LuminaError)] == ["conflict"]
