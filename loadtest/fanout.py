"""A kept message to many devices: what a delivery costs the node, and whether all came right.

There are only direct conversations, so the receivers are devices of one user, bob. Alice writes
to him from as many connections as a burst has messages: the requests of one connection run one
after another.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

from lumina_protocol.conversations import CreateConversation
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import SendMessage

from loadtest import descriptors, floor, interrupt, profiled_node, verify
from loadtest.accounts import register
from loadtest.gather import all_came, gathered
from loadtest.pace import Load
from loadtest.receiver import Crowd, Receiver
from loadtest.screen import Figure, Result, Screen
from loadtest.stage import HOST, Stage, stage
from loadtest.usage import Usage
from lumina_rt.client import Client

CONTENT = "x" * 128
FRAME_HEAD = 4
"""Bytes before a payload of 126 to 65,535 bytes."""
TICKS_S = 0.5
"""CPU time below which its steps of 10 ms are more than 2 % of it."""


@dataclass(slots=True)
class Sender:
    """Alice: one connection for each message of a burst."""

    clients: list[Client]
    conversation_id: UUID
    tasks: asyncio.TaskGroup
    acked: dict[int, UUID] = field(default_factory=dict)
    """The id of the message that has each seq."""

    def send(self, count: int) -> None:
        for client in self.clients[:count]:
            self.tasks.create_task(self._send(client))

    async def _send(self, client: Client) -> None:
        request = SendMessage(
            conversation_id=self.conversation_id, message_id=uuid7(), content=CONTENT
        )
        sent = await client.call(request)
        self.acked[sent.seq] = sent.message_id


@dataclass(frozen=True, slots=True)
class Fanout:
    load: Load
    with_floor: bool = False
    profile: Path | None = None

    def prepare(self) -> None:
        """Raises CannotStart."""
        descriptors.allow(self.load.receivers)
        if self.with_floor:
            floor.require_compiler()

    def measure(self, screen: Screen) -> Result:
        """Raises LoadTestError, or what the SDK or `stage` raise."""
        with stage(screen, self.profile) as on:
            return interrupt.run(self.run(screen, on))

    async def run(self, screen: Screen, on: Stage) -> Result:
        """On a node that is there. Raises LoadTestError, or what the SDK raises."""
        spent, receivers, acked = await self._deliver(screen, on)
        frame_bytes = FRAME_HEAD + len((receivers[0].kept or [b""])[-1])
        with screen.step("checking what each receiver got"):
            faults = verify.faults(receivers, acked, CONTENT)
        figures = self._figures(spent, frame_bytes)
        if spent.cpu_s < TICKS_S:
            screen.line(
                f"  only {spent.cpu_s:.2f} s of CPU: use more --messages for a steady figure"
            )
        if self.with_floor:
            below, more = await floor.run(self.load, frame_bytes, screen)
            figures += self._against(below, figures[0])
            faults += more
        return Result(figures, faults)

    async def _deliver(
        self, screen: Screen, on: Stage
    ) -> tuple[Usage, list[Receiver], dict[int, UUID]]:
        """What the node used, the receivers as they were at the end, and what was acknowledged."""
        async with AsyncExitStack() as stack:
            (_, alice), (bobs_name, bob) = await register(on.url, 2, lambda done: None)
            clients = [
                await stack.enter_async_context(Client(on.url, token=alice))
                for _ in range(self.load.burst)
            ]
            made = await clients[0].call(
                CreateConversation(conversation_id=uuid7(), username=bobs_name)
            )
            crowd, count = Crowd(), self.load.receivers
            with screen.bar(f"opening {count} receivers", count) as advance:
                receivers = await stack.enter_async_context(
                    gathered(crowd, HOST, on.port, [bob] * count, advance)
                )
            async with asyncio.TaskGroup() as tasks:
                sender = Sender(clients, made.conversation.conversation_id, tasks)
                spent = await self._measure(screen, on, crowd, sender)
            await all_came(receivers)
            crowd.check()
            return spent, receivers, sender.acked

    async def _measure(self, screen: Screen, on: Stage, crowd: Crowd, sender: Sender) -> Usage:
        toggle = partial(profiled_node.toggle, on.process) if self.profile else lambda: None
        due = self.load.messages * self.load.receivers
        with screen.bar(f"delivering {self.load.messages} messages", due) as advance:
            return await self.load.measure(on.process, crowd, sender.send, advance, toggle)

    @property
    def _deliveries(self) -> int:
        """Alice's own connections get her messages too."""
        return self.load.messages * (self.load.receivers + self.load.burst)

    def _figures(self, spent: Usage, frame_bytes: int) -> list[Figure]:
        each = 1e6 / self._deliveries
        return [
            Figure("CPU per delivery", "us", spent.cpu_s * each, 3),
            Figure("  in user space", "us", spent.user_s * each, 3),
            Figure("  in the kernel", "us", spent.system_s * each, 3),
            Figure(
                "messages per write", "", self._deliveries / spent.writes if spent.writes else None
            ),
            Figure("deliveries", "/s", self._deliveries / spent.wall_s, 0),
            Figure("messages", "/s", self.load.messages / spent.wall_s, 0),
            Figure("frame", "bytes", frame_bytes, 0),
        ]

    def _against(self, below: Usage, cpu: Figure) -> list[Figure]:
        assert cpu.value is not None
        us = below.cpu_s / (self.load.messages * self.load.receivers) * 1e6
        return [
            Figure("C floor, CPU per delivery", "us", us, 3),
            Figure("ratio to the C floor", "x", cpu.value / us),
        ]
