"""A node that stops finishes what is under way, and sends everybody elsewhere."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from lumina_protocol.codec import JSON
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ReplyFrame

from lumina_rt.config import Settings
from lumina_rt.gateway import connection
from tests.gateway.running import Running
from tests.gateway.unharmed import count, database_held, no_errors_logged, nothing_failed, until
from tests.gateway.wire import Wire, handshake, new_token, tcp, websocket
from tests.house import message, open_conversation, register, user

REQUESTS = "lumina_request_seconds_count"


async def test_everybody_is_told_to_connect_again(settings: Settings) -> None:
    running = Running(settings)
    with no_errors_logged():
        async with running as node:
            token = await new_token(node)
            async with (
                websocket(node, token=token) as ready,
                websocket(node, JSON) as stranger,
                tcp(node) as silent,
            ):
                running.stop()
                assert await ready.close_code() == CloseCode.SERVICE_RESTART
                assert await stranger.close_code() == CloseCode.SERVICE_RESTART
                await running.stopped()
                assert count(node, "lumina_connections") == 0
                await silent.send(handshake())
                response = await silent.response()
                assert (response.status, b"stopping" in response.body) == (503, True)
            with pytest.raises(ConnectionRefusedError):
                async with tcp(node):
                    pass
        nothing_failed(node)


async def test_requests_under_way_are_answered_before_the_close(settings: Settings) -> None:
    running = Running(settings)
    with no_errors_logged():
        async with running as node:
            token = await new_token(node)
            async with websocket(node, token=token) as wire, websocket(node) as other:
                async with database_held(node):
                    for op in ("conversation.list", "ping", "conversation.list"):
                        await wire.send(wire.request(op, {}))
                    await wire.heard()
                    running.stop()
                    await until(lambda: node.gateway.draining)
                    assert isinstance(await other.ask("ping", {}), ReplyFrame), "still served"
                for _ in range(3):
                    assert isinstance(await wire.answer(), ReplyFrame)
                assert await wire.close_code() == CloseCode.SERVICE_RESTART
                assert await other.close_code() == CloseCode.SERVICE_RESTART
        nothing_failed(node)


async def test_a_client_that_does_not_answer_the_close_holds_nobody_up(settings: Settings) -> None:
    running = Running(settings, drain_s=0.2)
    with no_errors_logged():
        async with running as node, websocket(node, token=await new_token(node)) as wire:
            running.stop()
            await running.stopped()
            assert count(node, "lumina_closed_total", code="1012") >= 1
            assert not node.gateway.connections
            assert (await wire.frame())[1][:2] == (1012).to_bytes(2, "big")
        nothing_failed(node)


async def test_a_balancer_has_time_to_notice(settings: Settings) -> None:
    """Until then, whom it still sends here is served."""
    running = Running(settings, drain_wait_s=1)
    with no_errors_logged():
        async with running as node:
            running.stop()
            await until(lambda: node.gateway.draining)
            assert not node.checks()["serving"]
            async with websocket(node, token=await new_token(node)) as late:
                assert isinstance(await late.ask("conversation.list", {}), ReplyFrame)
                assert await late.close_code() == CloseCode.SERVICE_RESTART
        nothing_failed(node)


async def test_a_crowd_is_not_sent_away_in_one_moment(settings: Settings) -> None:
    """Each is served until its own comes."""
    running = Running(settings, drain_spread_s=0.5)

    async def sent_away(wire: Wire) -> float:
        assert await wire.close_code() == CloseCode.SERVICE_RESTART
        return asyncio.get_running_loop().time()

    async with running as node, contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(websocket(node)) for _ in range(20)]
        running.stop()
        await until(lambda: not node.gateway.accepting)
        asked = [wire.ask("ping", {}) for wire in crowd]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        served = [
            wire
            for wire, answer in zip(crowd, answers, strict=True)
            if isinstance(answer, ReplyFrame)
        ]
        assert len(served) > 10
        ends = await asyncio.gather(*map(sent_away, served))
        assert max(ends) - min(ends) > 0.1


async def test_who_waits_too_long_for_an_answer_is_sent_away_without(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LEAVE_TIMEOUT_S", 0.05)
    """It is finished all the same, before the node ends."""
    running = Running(settings)
    with no_errors_logged():
        async with running as node:
            await register(node, "alice", "bob")
            async with user(node, "alice") as alice:
                talk = await open_conversation(alice, "bob")
                assert alice.token
                async with websocket(node, token=alice.token) as wire:
                    async with database_held(node):
                        said = message(talk, "hi").model_dump(exclude_none=True)
                        await wire.send(wire.request("message.send", said))
                        await wire.heard()
                        running.stop()
                        assert await wire.close_code() == CloseCode.SERVICE_RESTART
                        await until(lambda: not node.gateway.connections)
                        await turns(100)
                    await running.stopped()
            assert count(node, REQUESTS, op="message.send", outcome="ok") == 1
        nothing_failed(node)


async def turns(count: int) -> None:
    """Time for what must not happen."""
    for _ in range(count):
        await asyncio.sleep(0)
