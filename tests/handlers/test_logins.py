"""Logins: what begins them, keeps them up and ends them, on two nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from lumina_protocol.accounts import Device, Logout, Refresh, Tokens
from lumina_protocol.errors import CloseCode, ErrorBody, LuminaError
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import Reply, RequestFrame
from lumina_protocol.logins import (
    EndOtherSessions,
    EndSession,
    ListDevices,
    ListSessions,
    RemoveDevice,
    RenameDevice,
)
from lumina_protocol.session import Authenticate, Ping, Ready

from lumina_rt.app import Node
from lumina_rt.client import Client, Disconnected, StoredLogin
from lumina_rt.client.link import Link
from lumina_rt.config import Settings
from lumina_rt.router import Ctx, dispatch
from tests.house import nodes, register, user
from tests.logins import LIMIT_S, ended, link_to, log_in, socket


async def refresh(link: Link, refresh_token: str, op_id: UUID | None = None) -> Tokens:
    return await link.call(Refresh(op_id=op_id or uuid7(), refresh_token=refresh_token))


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[tuple[Node, Node]]:
    async with nodes(settings, 2) as (one, other):
        await register(one, "alice", "mallory")
        yield one, other


async def test_a_refresh_on_another_node_gives_tokens_that_work(two: tuple[Node, Node]) -> None:
    one, other = two
    old = await log_in(one)
    async with link_to(other) as link:
        new = await refresh(link, old.refresh_token)
    assert new.session_id == old.session_id
    assert new.refresh_token != old.refresh_token
    async with socket(one, new) as (link, _):
        (session,) = (s for s in (await link.call(ListSessions())).sessions if s.current)
    assert session.session_id == new.session_id
    assert session.expires_at > session.created_at


async def test_who_has_not_got_the_answer_to_a_refresh_asks_again(two: tuple[Node, Node]) -> None:
    one, other = two
    old, op_id = await log_in(one), uuid7()
    async with link_to(one) as link, link_to(other) as elsewhere:
        first = await refresh(link, old.refresh_token, op_id)
        again = await refresh(elsewhere, old.refresh_token, op_id)
        assert again.refresh_token == first.refresh_token
        at_once = [refresh(each, first.refresh_token, op_id) for each in (link, elsewhere)]
        left, right = await asyncio.gather(*at_once)
        assert left.refresh_token == right.refresh_token != first.refresh_token


async def test_a_refresh_token_that_is_used_twice_ends_its_login_everywhere(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    tokens, bystander = await log_in(one), await log_in(one)
    async with socket(other, tokens) as (_, reading), socket(other, bystander) as (link, _):
        async with link_to(one) as thief:
            stolen = await refresh(thief, tokens.refresh_token)
            with pytest.raises(LuminaError, match="session_ended"):
                await refresh(thief, tokens.refresh_token)
            with pytest.raises(LuminaError, match="session_ended"):
                await refresh(thief, stolen.refresh_token)
            with pytest.raises(LuminaError, match="session_ended"):
                await thief.call(Authenticate(token=stolen.token))
        assert await ended(reading) == CloseCode.SESSION_ENDED
        await link.call(Ping())


@pytest.mark.parametrize("count", [2, 7])
async def test_an_old_refresh_token_is_known_however_long_ago_it_was_used(
    two: tuple[Node, Node], count: int
) -> None:
    one, _ = two
    first = newest = await log_in(one)
    async with link_to(one) as link:
        for _ in range(count):
            newest = await refresh(link, newest.refresh_token)
        with pytest.raises(LuminaError, match="session_ended"):
            await refresh(link, first.refresh_token)
        with pytest.raises(LuminaError, match="session_ended"):
            await refresh(link, newest.refresh_token)


async def test_a_refresh_token_from_a_history_that_was_lost_is_no_proof_of_theft(
    two: tuple[Node, Node], pg: asyncpg.Connection
) -> None:
    one, _ = two
    tokens = await log_in(one)
    async with link_to(one) as link:
        kept = await pg.fetchrow(
            "select * from refresh_tokens where session_id = $1", tokens.session_id
        )
        newer = await refresh(link, tokens.refresh_token)
        assert kept
        await pg.execute(
            "update refresh_tokens set token_digest = $2, generation = $3 where session_id = $1",
            tokens.session_id, kept["token_digest"], kept["generation"],
        )  # fmt: skip
        with pytest.raises(LuminaError, match="invalid_token"):
            await refresh(link, newer.refresh_token)
        await refresh(link, tokens.refresh_token)


async def test_a_token_that_expires_ends_its_connection_and_says_so(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        tokens = await log_in(node)
        now = tokens.expires_at / 1000 - 0.3
        object.__setattr__(node.services, "now", lambda: now)
        async with socket(node, tokens) as (_, reading):
            assert await ended(reading) == CloseCode.TOKEN_EXPIRED


async def test_a_refresh_on_the_connection_keeps_it_open(settings: Settings) -> None:
    async with nodes(settings, 1, token_ttl_s=60) as (node,):
        await register(node, "alice")
        tokens = await log_in(node)
        async with socket(node, tokens) as (link, reading):
            (connection,) = node.gateway.connections
            assert connection.timer
            before = connection.timer.when()
            node.services.access_tokens.ttl_s = 600
            await refresh(link, tokens.refresh_token)
            assert connection.timer.when() - before > 500
            assert not reading.done()


async def test_the_sdk_renews_its_token_before_it_expires(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        node.services.access_tokens.ttl_s = 3
        tokens = await log_in(node)
        kept: list[StoredLogin] = []
        renewed = asyncio.Event()

        def keep(login: StoredLogin) -> None:
            kept.append(login)
            if login.op_id is None:
                renewed.set()

        stored = StoredLogin(tokens.refresh_token)
        async with Client(node.url, token=tokens.token, login=stored, keep=keep) as client:
            opened = client.ready
            async with asyncio.timeout(LIMIT_S):
                await renewed.wait()
            await client.call(Ping())
            assert client.ready is opened, "on one connection"
            assert client.token != tokens.token
        before, after = kept
        assert (before.refresh_token, bool(before.op_id)) == (tokens.refresh_token, True)
        assert after.refresh_token != tokens.refresh_token


async def test_the_sdk_goes_on_with_its_stored_login_when_its_token_has_expired(
    settings: Settings,
) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        node.services.access_tokens.ttl_s = -5
        old = await log_in(node)
        node.services.access_tokens.ttl_s = 900
        kept: list[StoredLogin] = []
        stored = StoredLogin(old.refresh_token)
        async with Client(node.url, token=old.token, login=stored, keep=kept.append) as client:
            assert client.ready
            assert client.ready.session_id == old.session_id
        begun, done = kept
        async with Client(node.url, login=begun) as again:
            assert again.ready, "as if the app had been killed before the answer"
        with pytest.raises(LuminaError, match="session_ended"):
            await Client(node.url, login=stored).connect()
        assert done.op_id is None


async def test_the_sdk_that_is_closed_while_it_renews_keeps_the_answer(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        tokens = await log_in(node)
        kept: list[StoredLogin] = []
        client = Client(node.url, login=StoredLogin(tokens.refresh_token), keep=kept.append)
        await client.connect()
        assert client._link
        client._begin_renewal(client._link)
        await asyncio.sleep(0)
        await client.close()
        async with Client(node.url, login=kept[-1]) as again:
            assert again.ready


async def test_the_sdk_tells_again_what_could_not_be_stored(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,):
        await register(node, "alice")
        tokens = await log_in(node)
        kept: list[StoredLogin] = []
        full = [False, True]

        def keep(login: StoredLogin) -> None:
            if full and full.pop(0):
                raise OSError("no space left on device")
            kept.append(login)

        client = Client(node.url, login=StoredLogin(tokens.refresh_token), keep=keep)
        with pytest.raises(OSError, match="no space"):
            await client.connect()
        await client.connect()
        await client.close()
        async with Client(node.url, login=kept[-1]) as again:
            assert again.ready


async def test_of_two_uses_of_one_refresh_token_at_once_one_ends_the_login(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    tokens = await log_in(one)
    async with link_to(one) as owner, link_to(other) as thief:
        uses = [refresh(link, tokens.refresh_token) for link in (owner, thief)]
        results = await asyncio.gather(*uses, return_exceptions=True)
        assert len([r for r in results if isinstance(r, Tokens)]) == 1
        (refused,) = [r for r in results if isinstance(r, LuminaError)]
        assert refused.body.code == "session_ended"
        (won,) = [r for r in results if isinstance(r, Tokens)]
        with pytest.raises(LuminaError, match="session_ended"):
            await refresh(owner, won.refresh_token)


async def test_logging_out_ends_all_connections_of_the_login_and_no_other(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    tokens, elsewhere = await log_in(one), await log_in(other)
    async with (
        socket(one, tokens) as (asking, first),
        socket(other, tokens) as (_, second),
        socket(one, elsewhere) as (untouched, _),
    ):
        await asking.call(Logout())
        assert [await ended(first), await ended(second)] == [CloseCode.SESSION_ENDED] * 2
        await untouched.call(Ping())
    async with link_to(one) as link:
        with pytest.raises(LuminaError, match="session_ended"):
            await refresh(link, tokens.refresh_token)
        with pytest.raises(LuminaError, match="session_ended"):
            await link.call(Authenticate(token=tokens.token))


async def test_to_log_out_everywhere_closes_every_socket_on_every_node(
    two: tuple[Node, Node],
) -> None:
    one, other = two
    mine, others = await log_in(one), [await log_in(node) for node in (one, other, other)]
    async with (
        socket(one, mine) as (link, reading),
        socket(one, others[0]) as (_, first),
        socket(other, others[1]) as (_, second),
        socket(other, others[2]) as (_, third),
    ):
        count = len((await link.call(ListSessions())).sessions)
        assert (await link.call(EndOtherSessions())).ended == count - 1
        closed = [await ended(each) for each in (first, second, third)]
        assert closed == [CloseCode.SESSION_ENDED] * 3
        (left,) = (await link.call(ListSessions())).sessions
        assert left.session_id == mine.session_id
        assert (await link.call(EndOtherSessions(this=True))).ended == 1
        assert await ended(reading) == CloseCode.SESSION_ENDED


async def test_a_login_that_ends_while_its_token_is_being_checked_gets_no_connection(
    two: tuple[Node, Node], pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end was seen by the node before the connection was known there."""
    one, _ = two
    tokens = await log_in(one)

    async def end_it_before_the_answer(ctx: Ctx, request: RequestFrame) -> Reply | ErrorBody:
        result = await dispatch(ctx, request)
        if isinstance(result, Ready):
            end = "update sessions set revoked_at = now() where session_id = $1"
            await pg.execute(end, tokens.session_id)
            await one.revocations.turn()
        return result

    monkeypatch.setattr("lumina_rt.gateway.connection.dispatch", end_it_before_the_answer)
    async with socket(one, tokens) as (_, reading):
        assert await ended(reading) == CloseCode.SESSION_ENDED


async def test_a_login_that_has_ended_is_told_nothing_more_while_it_is_answered(
    two: tuple[Node, Node], pg: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = two
    tokens = await log_in(one)
    slow = asyncio.Event()

    async def answer_late(ctx: Ctx, request: RequestFrame) -> Reply | ErrorBody:
        result = await dispatch(ctx, request)
        if request.op == "ping":
            await slow.wait()
        return result

    monkeypatch.setattr("lumina_rt.gateway.connection.dispatch", answer_late)
    async with socket(one, tokens) as (link, reading):
        (connection,) = (c for c in one.gateway.connections if c.ctx.session_id)
        waiting = [asyncio.create_task(link.call(Ping())) for _ in range(2)]
        while not connection.session.queue:
            await asyncio.sleep(0.005)
        end = "update sessions set revoked_at = now() where session_id = $1"
        await pg.execute(end, tokens.session_id)
        await one.revocations.turn()
        assert tokens.user_id not in one.gateway.hub.sessions
        slow.set()
        assert await waiting[0]
        assert await ended(reading) == CloseCode.SESSION_ENDED
        with pytest.raises(Disconnected):
            await waiting[1]


async def test_only_ones_own_logins_can_be_ended(two: tuple[Node, Node]) -> None:
    one, _ = two
    tokens = await log_in(one)
    async with user(one, "mallory") as mallory:
        for asked in (EndSession(session_id=tokens.session_id), EndSession(session_id=uuid7())):
            with pytest.raises(LuminaError, match="not_found"):
                await mallory.call(asked)
    async with socket(one, tokens) as (link, reading):
        assert (await link.call(EndSession(session_id=tokens.session_id))).ended == 1
        assert await ended(reading) == CloseCode.SESSION_ENDED


async def test_a_device_has_one_login(two: tuple[Node, Node]) -> None:
    one, other = two
    phone = Device(device_id=uuid7(), name="phone", platform="ios")
    before = await log_in(one, device=phone)
    async with socket(other, before) as (_, reading):
        after = await log_in(one, device=phone.model_copy(update={"name": "new name"}))
        assert await ended(reading) == CloseCode.SESSION_ENDED
    async with socket(one, after) as (link, reading):
        (device,) = (await link.call(ListDevices())).devices
        assert (device.device_id, device.name) == (phone.device_id, "new name")
        await link.call(RenameDevice(device_id=phone.device_id, name="the old one"))
        (session,) = (s for s in (await link.call(ListSessions())).sessions if s.current)
        assert (session.name, session.device_id) == ("the old one", phone.device_id)
        await link.call(RemoveDevice(device_id=phone.device_id))
        assert await ended(reading) == CloseCode.SESSION_ENDED


async def test_another_s_device_is_refused(two: tuple[Node, Node]) -> None:
    one, _ = two
    phone = Device(device_id=uuid7(), name="phone", platform="ios")
    await log_in(one, device=phone)
    with pytest.raises(LuminaError, match="conflict"):
        await log_in(one, "mallory", device=phone)
    async with user(one, "mallory") as mallory:
        for asked in (
            RenameDevice(device_id=phone.device_id, name="mine"),
            RemoveDevice(device_id=phone.device_id),
        ):
            with pytest.raises(LuminaError, match="not_found"):
                await mallory.call(asked)


async def test_a_user_has_so_many_logins_and_the_oldest_makes_room(
    two: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = two
    monkeypatch.setattr("lumina_rt.logins.MAX_SESSIONS", 3)
    tokens = [await log_in(one) for _ in range(4)]
    async with socket(one, tokens[-1]) as (link, _):
        left = {session.session_id for session in (await link.call(ListSessions())).sessions}
    assert left == {each.session_id for each in tokens[1:]}
    with pytest.raises(LuminaError, match="session_ended"):
        async with socket(one, tokens[0]):
            pass
