"""What HTTP is refused for: too much, too late, or a node that is in trouble."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import asyncpg
from lumina_protocol.codec import JSON
from lumina_protocol.conversations import CreateConversation, ListConversations
from lumina_protocol.fields import uuid7
from lumina_protocol.session import Ping

from lumina_rt.config import Settings
from lumina_rt.gcra import Rate
from tests.gateway.running import Running
from tests.gateway.unharmed import until
from tests.gateway.wire import new_name, new_token, tcp
from tests.house import PASSWORD, message, nodes
from tests.http.asking import Answer, asking

FEW = Rate(2, 3600, 2)
PROXY = (ip_network("127.0.0.1/32"),)


def wait(answer: Answer, code: str, status: int) -> int:
    assert (answer.status, answer.body["code"], answer.body["temporary"]) == (status, code, True)
    return int(answer.headers["Retry-After"])


async def test_a_user_is_limited_over_both_ways_together(settings: Settings) -> None:
    async with nodes(settings, 1, limit_message=FEW) as (node,), asking(node) as http:
        token = await new_token(node)
        for expected in (404, 404):
            assert (await http.call(message(uuid7(), "hello"), token)).status == expected
        answer = await http.call(message(uuid7(), "hello"), token)
        assert 1700 < wait(answer, "rate_limited", 429) <= 1800
        assert answer.body["limit"] == "message"
        assert (await http.call(message(uuid7(), "hello"), await new_token(node))).status == 404


async def test_an_address_is_limited_and_proxies_say_whose_it_is(settings: Settings) -> None:
    limits = {"limit_login": FEW, "trusted_proxies": PROXY}
    async with (
        nodes(settings, 2, **limits) as (one, other),
        asking(one) as http,
        asking(other) as elsewhere,
    ):
        body = {"username": new_name(), "password": PASSWORD}
        first, second = (("X-Forwarded-For", f"192.0.2.{n}") for n in (1, 2))
        for asker in (http, elsewhere):
            assert (await asker.ask("account.login", body, None, first)).status == 403
        for asker in (http, elsewhere):
            answer = await asker.ask("account.login", body, None, first)
            assert wait(answer, "rate_limited", 429) > 60
        assert (await http.ask("account.login", body, None, second)).status == 403


async def test_who_is_no_trusted_proxy_cannot_say_who_it_is(settings: Settings) -> None:
    async with nodes(settings, 1, limit_login=FEW) as (node,), asking(node) as http:
        body = {"username": new_name(), "password": PASSWORD}
        said = [("X-Forwarded-For", f"192.0.2.{n}") for n in range(3)]
        answers = [await http.ask("account.login", body, None, each) for each in said]
        assert [answer.status for answer in answers] == [403, 403, 429]


async def test_a_node_that_is_cut_off_sends_http_elsewhere(settings: Settings) -> None:
    async with nodes(settings, 1) as (node,), asking(node) as http:
        token = await new_token(node)
        node.gateway.set_cut_off(True)
        for answer in (await http.call(Ping()), await http.call(ListConversations(), token)):
            assert wait(answer, "unavailable", 503) == 1
            assert answer.headers["Connection"] == "close"
        node.gateway.set_cut_off(False)
        assert (await http.call(ListConversations(), token)).status == 200


async def test_a_fault_is_told_with_its_id_only(settings: Settings, pg: asyncpg.Connection) -> None:
    async with nodes(settings, 1) as (node,), asking(node) as http:
        token = await new_token(node)
        await pg.execute("alter table sessions rename to hidden")
        try:
            answer = await http.call(ListConversations(), token)
        finally:
            await pg.execute("alter table hidden rename to sessions")
        assert (answer.status, answer.body["code"]) == (500, "internal")
        assert "hidden" not in str(answer.body)
        assert (await http.call(ListConversations(), token)).status == 200


async def test_what_is_under_way_when_a_node_stops_is_done_and_answered(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    running = Running(settings)
    async with running as node, asking(node) as http:
        token, peer = await new_token(node), new_name()
        await new_token(node, peer)
        asked = CreateConversation(conversation_id=uuid7(), username=peer)
        assert (await http.call(ListConversations(), token)).headers.get("Connection") != "close"
        async with pg.transaction():
            await pg.execute("lock table conversations in access exclusive mode")
            asking_now = asyncio.create_task(http.call(asked, token))
            await until(lambda: bool(node.gateway._tasks))
            running.stop()
            await until(lambda: not node.gateway.accepting)
            assert not asking_now.done()
        answer = await asking_now
        assert (answer.status, answer.body["created"]) == (200, True)
        assert answer.headers["Connection"] == "close"
        await running.stopped()


async def test_what_has_begun_is_done_though_its_client_has_gone(
    settings: Settings, pg: asyncpg.Connection
) -> None:
    async with nodes(settings, 1) as (node,):
        token, peer = await new_token(node), new_name()
        await new_token(node, peer)
        asked = CreateConversation(conversation_id=uuid7(), username=peer)
        body = JSON.pack(asked.model_dump(exclude_none=True))
        head = (
            f"POST /v1/{asked.op} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        async with tcp(node) as wire:
            async with pg.transaction():
                await pg.execute("lock table conversations in access exclusive mode")
                await wire.send(head.encode() + body)
                await until(lambda: bool(node.gateway._tasks))
                wire.cut()
                await until(lambda: not sum(node.gateway.admission.connections.values()))
            await until(lambda: not node.gateway._tasks)
        async with asking(node) as http:
            assert (await http.call(asked, token)).body["created"] is False


async def test_who_guesses_at_tokens_waits_and_others_do_not(settings: Settings) -> None:
    changes = {"limit_token": FEW, "trusted_proxies": PROXY}
    async with nodes(settings, 1, **changes) as (node,), asking(node) as http:
        token = await new_token(node)
        here, there = (("X-Forwarded-For", f"192.0.2.{n}") for n in (1, 2))
        for _ in range(4):
            assert (await http.ask("limits.get", {}, token, here)).status == 200
        for wrong in ("lbot_" + "x" * 43, "nonsense"):
            assert (await http.ask("limits.get", {}, wrong, here)).status == 401
        answer = await http.ask("limits.get", {}, token, here)
        assert wait(answer, "rate_limited", 429) > 1700
        assert answer.body["limit"] == "token"
        assert (await http.ask("limits.get", {}, token, there)).status == 200
