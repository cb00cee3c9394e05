"""Several nodes on one port: to clients they are one server, and none stays away for long."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from contextlib import AsyncExitStack, suppress
from typing import Any

import psutil
import pytest
from lumina_protocol.accounts import Register

from lumina_rt.client import Client
from tests.cli.command import complaint, environment, free_ports, lumina, said, serving
from tests.house import LOOSE, PASSWORD, created, open_conversation, say

NAMES = {"many-1", "many-2"}


def neighbours() -> int:
    """A free port before another one."""
    while True:
        (port,) = free_ports(1)
        with suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
            return port


@pytest.fixture
def many(good: dict[str, str]) -> dict[str, str]:
    """Settings for `lumina serve --workers 2`."""
    (port,), private_port = free_ports(1), neighbours()
    quick = {"drain_wait_s": "0", "drain_spread_s": "0", "password_rounds": "4"}
    ports = {"port": str(port), "private_port": str(private_port)}
    return {**good, **LOOSE, **quick, **ports, "node": "many", "log_level": "info"}


def url(settings: dict[str, str]) -> str:
    return f"ws://127.0.0.1:{settings['port']}/v1/socket"


async def met(stack: AsyncExitStack, settings: dict[str, str], username: str) -> dict[str, Client]:
    """By the name of the node: as many connections as it takes to meet both."""
    found: dict[str, Client] = {}
    while found.keys() != NAMES:
        client = Client(url(settings), username=username, password=PASSWORD)
        await stack.enter_async_context(client)
        assert client.hello
        found.setdefault(client.hello.node, client)
    return found


def children(parent: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(parent.pid).children()


async def told(parent: subprocess.Popen[str], event: str) -> dict[str, Any]:
    return await asyncio.to_thread(said, parent.stderr, event)


@pytest.mark.timeout(90)
async def test_the_port_is_shared_and_who_is_killed_comes_back(many: dict[str, str]) -> None:
    with serving(many, "--workers", "2") as parent:
        ready = [await told(parent, "ready") for _ in NAMES]
        assert [one["url"] for one in ready] == [url(many)] * 2
        assert [int(one["private"].rpartition(":")[2]) for one in ready] == [
            int(many["private_port"]),
            int(many["private_port"]) + 1,
        ]
        async with AsyncExitStack() as stack:
            async with Client(url(many)) as stranger:
                for name in ("alice", "bob"):
                    await stranger.call(Register(username=name, password=PASSWORD))
            alice, bob = [await met(stack, many, name) for name in ("alice", "bob")]
            talk = await open_conversation(alice["many-1"], "bob")
            with bob["many-2"].inbox() as inbox:
                await say(alice["many-1"], talk, "hello")
                assert [news.message.content for news in await created(inbox, 1)] == ["hello"]
                victim = next(one for one in children(parent) if _name(one) == "many-2")
                victim.kill()
                ended = await told(parent, "worker_ended")
                assert (ended["worker"], ended["exit_code"]) == ("many-2", -signal.SIGKILL)
                await say(alice["many-1"], talk, "still there?")
                (news,) = await created(inbox, 1)
                assert news.message.content == "still there?"
                assert (await told(parent, "ready"))["node_id"].startswith("many-2#")
                assert (await met(stack, many, "alice")).keys() == NAMES
        left = children(parent)
        assert len(left) == len(NAMES)
        parent.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(parent.wait, 20) == 0
        assert not any(one.is_running() for one in left)


def _name(process: psutil.Process) -> str:
    return process.environ()["LUMINA_NODE"]


@pytest.mark.timeout(60)
def test_when_who_looks_after_them_is_killed_they_drain(many: dict[str, str]) -> None:
    with serving(many, "--workers", "2") as parent:
        for _ in NAMES:
            said(parent.stderr, "ready")
        workers = children(parent)
        os.kill(parent.pid, signal.SIGKILL)
        for _ in NAMES:
            said(parent.stderr, "draining")
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []


@pytest.mark.timeout(60)
def test_what_is_wrong_is_said_once(many: dict[str, str]) -> None:
    def start(**changes: str) -> str:
        return complaint(lumina("serve", "--workers", "2", env=environment(**many | changes)))

    assert "see LUMINA_REDIS_URL" in start(redis_url="redis://127.0.0.1:9")
    nameless = start(port="0", private_port="0")
    assert "LUMINA_PORT is 0: with --workers, name a port" in nameless
    assert "LUMINA_PRIVATE_PORT is 0" in nameless
    assert "LUMINA_PRIVATE_PORT is too high" in start(private_port="65535")
    assert "LUMINA_PRIVATE_URL names one node" in start(private_url="http://10.0.0.1:9090")
    with socket.create_server(("127.0.0.1", int(many["port"]))):
        assert "set LUMINA_PORT to a free port" in start()
