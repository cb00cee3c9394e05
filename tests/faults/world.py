"""Three nodes on engines of their own, each part behind something that can break."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults import engines
from tests.faults.engines import OwnEngines
from tests.faults.node import SERVE, FaultyNode
from tests.faults.relay import HOST

NODES = 3
PORTS = range(20_000, 32_000)
"""Below those that the kernel gives to outgoing connections: a node that is down keeps its port."""


@dataclass(slots=True)
class World:
    engines: OwnEngines
    nodes: list[FaultyNode]


@asynccontextmanager
async def world(
    folder: Path, count: int = NODES, command: tuple[str, ...] = SERVE
) -> AsyncIterator[World]:
    """With so many nodes, all ready. `command`: what python is given to run one."""
    async with AsyncExitStack() as stack:
        own = await engines.start(folder / "engines")
        stack.push_async_callback(own.stop)
        ports = free_ports(2 * count)
        nodes = []
        for number in range(count):
            pair = ports[2 * number], ports[2 * number + 1]
            name = f"node{number + 1}"
            node = await FaultyNode.make(name, pair, own, folder / name)
            node.command = command
            stack.push_async_callback(node.stop)
            node.start()
            nodes.append(node)
        for node in nodes:
            await node.come_back()
        yield World(own, nodes)


def free_ports(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = Random().choice(PORTS)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex((HOST, port)) != 0:
                found.append(port)
    return found
