"""How much one client, one user and all of them together may have; and signs of life."""

from __future__ import annotations

import asyncio

import pytest
from lumina_protocol.codec import JSON, MSGPACK, Codec
from lumina_protocol.errors import CloseCode, ErrorBody
from lumina_protocol.frame import ErrorFrame, ReplyFrame
from websockets.frames import Opcode

from lumina_rt.client import Client, Disconnected
from lumina_rt.config import Settings
from lumina_rt.gateway import connection
from tests.gateway.inside import deliver
from tests.gateway.unharmed import count, unharmed, until
from tests.gateway.wire import TIMEOUT_S, frame, handshake, new_token, tcp, websocket


async def test_who_asks_too_fast_is_told_when_to_ask_again(settings: Settings) -> None:
    async with (
        unharmed(settings, requests_burst=4, requests_per_s=20) as node,
        websocket(node) as wire,
        websocket(node) as other,
    ):
        await wire.send(b"".join(wire.request("ping", {}) for _ in range(6)))
        answers = {answer.id: answer for answer in [await wire.answer() for _ in range(6)]}
        assert [isinstance(answers[id_], ReplyFrame) for id_ in range(1, 7)] == [True] * 4 + [
            False
        ] * 2
        for id_ in (5, 6):
            error = ErrorBody.model_validate(answers[id_].body)
            assert (error.code, error.temporary) == ("rate_limited", True)
            assert error.retry_after_ms == 51, "one request is 1000 / 20 ms, rounded up"
        assert isinstance(await other.ask("ping", {}), ReplyFrame), "each has its own limit"
        while isinstance(answer := await wire.ask("ping", {}), ErrorFrame):
            assert answer.body["code"] == "rate_limited"


async def test_a_session_too_many_closes_the_oldest_of_this_user(settings: Settings) -> None:
    async with unharmed(settings, max_sessions_per_user=2) as node:
        token, other_token = await new_token(node), await new_token(node)
        async with (
            Client(node.url, token=token) as oldest,
            websocket(node, token=other_token) as somebody_else,
            websocket(node, JSON, token=token) as second,
            websocket(node, token=token) as third,
        ):
            with oldest.inbox() as inbox, pytest.raises(Disconnected) as closed:
                async with asyncio.timeout(TIMEOUT_S):
                    await anext(inbox)
            assert closed.value.code == CloseCode.TOO_MANY_SESSIONS
            async with websocket(node, token=token) as fourth:
                assert await second.close_code() == CloseCode.TOO_MANY_SESSIONS
                event = deliver(node, third, 1)
                assert await third.told() == await fourth.told() == event
            assert isinstance(await somebody_else.ask("conversation.list", {}), ReplyFrame)


async def test_a_full_node_refuses_and_takes_others_when_somebody_has_left(
    settings: Settings,
) -> None:
    async with unharmed(settings, max_connections=2) as node:
        async with websocket(node) as one, tcp(node) as silent:
            await until(lambda: node.gateway.strangers == 1)
            for early in (b"", handshake(), b"GET / HTTP/1.1\r\n\r\n", b"x" * 1_000_000):
                async with tcp(node) as wire:
                    wire.writer.write(early)
                    assert (await wire.response()).status == 503, "who only connected counts too"
                    assert await wire.rest() == b""
            assert count(node, "lumina_refused_total", why="full") == 4
            assert isinstance(await one.ask("ping", {}), ReplyFrame)
            await silent.send(handshake())
            assert (await silent.response()).status == 101
            async with tcp(node) as wire:
                assert (await wire.response()).status == 503
        await until(lambda: not node.gateway.connections)
        async with websocket(node) as one, websocket(node) as two:
            assert isinstance(await one.ask("ping", {}), ReplyFrame)
            assert isinstance(await two.ask("ping", {}), ReplyFrame)
        await until(lambda: not node.gateway.connections)


@pytest.mark.parametrize("codec", [MSGPACK, JSON], ids=lambda codec: codec.subprotocol)
@pytest.mark.parametrize("authenticated", [False, True])
async def test_a_silent_client_is_pinged_and_then_closed(
    settings: Settings, codec: Codec, authenticated: bool
) -> None:
    async with unharmed(settings, heartbeat_s=0.1) as node:
        token = await new_token(node) if authenticated else None
        async with websocket(node, codec, token=token) as wire:
            assert await wire.close_code() == CloseCode.HEARTBEAT_TIMEOUT
            assert wire.pings == [b""]


async def test_a_client_that_answers_pings_stays(settings: Settings) -> None:
    async with unharmed(settings, heartbeat_s=0.1) as node, websocket(node) as wire:
        for _ in range(6):
            assert await wire.frame() == (Opcode.PING, b"")
            await wire.send(frame(b"", Opcode.PONG))
        assert isinstance(await wire.ask("ping", {}), ReplyFrame)


async def test_a_client_that_only_talks_is_not_pinged(settings: Settings) -> None:
    async with (
        unharmed(settings, heartbeat_s=0.2, requests_per_s=10**6, requests_burst=10**6) as node,
        websocket(node) as silent,
        websocket(node) as talker,
    ):
        closing = asyncio.create_task(silent.close_code())
        while not closing.done():
            assert isinstance(await talker.ask("ping", {}), ReplyFrame)
        assert await closing == CloseCode.HEARTBEAT_TIMEOUT
        assert not talker.pings


async def test_pings_of_a_client_are_answered_with_their_own_payload(settings: Settings) -> None:
    async with unharmed(settings) as node, websocket(node, JSON) as wire:
        for payload in (b"", b"x", bytes(range(125))):
            await wire.send(frame(payload, Opcode.PING))
            assert await wire.frame() == (Opcode.PONG, payload)
        await wire.send(frame(b"unasked", Opcode.PONG))
        assert isinstance(await wire.ask("ping", {}), ReplyFrame)


async def test_a_close_is_echoed_and_the_line_cut(settings: Settings) -> None:
    async with unharmed(settings) as node:
        token = await new_token(node)
        for code, label in ((None, "1005"), (1001, "1001"), (3000, "other"), (4999, "other")):
            data = b"" if code is None else code.to_bytes(2, "big") + b"bye"
            async with websocket(node, token=token) as wire:
                await wire.send(frame(data, Opcode.CLOSE) + wire.request("ping", {}))
                assert await wire.frame() == (Opcode.CLOSE, data)
                assert await wire.rest() == b"", "what comes behind a close is not answered"
            await until(lambda: not node.gateway.connections and not node.gateway.hub.sessions)
            assert count(node, "lumina_closed_total", code=label) == (2 if code == 4999 else 1)


async def test_who_does_not_answer_a_close_is_cut_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT_S", 0.1)
    async with unharmed(settings) as node, websocket(node) as wire:
        await wire.send(wire.framed(b"\xc1"))
        assert (await wire.frame())[0] is Opcode.CLOSE
        await until(lambda: not node.gateway.connections)
        assert await wire.rest() == b""


async def test_a_line_that_breaks_is_counted_as_abnormal(settings: Settings) -> None:
    async with unharmed(settings) as node:
        for how in ("reset", "end of stream"):
            async with websocket(node, token=await new_token(node)) as wire:
                wire.cut() if how == "reset" else wire.writer.close()
            await until(lambda: not node.gateway.connections)
        assert count(node, "lumina_closed_total", code="1006") == 2


async def test_the_limits_are_told_in_the_hello(settings: Settings) -> None:
    async with unharmed(settings, auth_timeout_s=2.5, heartbeat_s=20) as node, tcp(node) as wire:
        await wire.send(handshake())
        assert (await wire.response()).status == 101
        hello = await wire.hello()
    assert (hello.node, hello.auth_timeout_ms, hello.heartbeat_ms) == ("node1", 2500, 20_000)
    assert (hello.max_frame_before_auth, hello.max_frame) == (4096, 65_536)
    assert hello.server.startswith("lumina-rt/")
