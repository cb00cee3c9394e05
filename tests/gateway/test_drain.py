"""A node that stops finishes what is under way, and sends everybody elsewhere."""

from __future__ import annotations

import pytest
from lumina_protocol.codec import JSON
from lumina_protocol.errors import CloseCode
from lumina_protocol.frame import ReplyFrame

from lumina_rt.config import Settings
from tests.gateway.running import Running
from tests.gateway.unharmed import count, database_held, no_errors_logged, nothing_failed, until
from tests.gateway.wire import handshake, new_token, tcp, websocket


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
