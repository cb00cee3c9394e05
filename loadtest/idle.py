"""What an idle authenticated connection costs the node: resident memory, and the work of opening.

Memory of the kernel (socket buffers) is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadtest import descriptors, interrupt
from loadtest.accounts import register
from loadtest.gather import gathered
from loadtest.receiver import Crowd
from loadtest.screen import Figure, Result, Screen
from loadtest.stage import HOST, Stage, stage
from loadtest.usage import Usage, calm_rss

WARM_UP = 50
"""Connections opened and closed before, so that what is made once is not counted."""


@dataclass(frozen=True, slots=True)
class Idle:
    connections: int
    devices: int
    """Connections of each user."""

    def prepare(self) -> None:
        """Raises CannotStart."""
        descriptors.allow(self.connections + WARM_UP)

    def measure(self, screen: Screen) -> Result:
        """Raises LoadTestError, or what the SDK or `stage` raise."""
        with stage(screen) as on:
            return Result(interrupt.run(self._run(screen, on)), [])

    async def _run(self, screen: Screen, on: Stage) -> list[Figure]:
        users = -(-self.connections // self.devices)
        with screen.bar(f"registering {users} users", users) as advance:
            people = await register(on.url, users, advance)
        tokens = [token for _, token in people for _ in range(self.devices)][: self.connections]
        async with gathered(Crowd(), HOST, on.port, tokens[:WARM_UP], lambda done: None):
            pass
        empty = await calm_rss(on.process)
        before = Usage.of(on.process)
        with screen.bar(f"opening {self.connections} connections", len(tokens)) as advance:
            crowd = Crowd()
            async with gathered(crowd, HOST, on.port, tokens, advance):
                spent = Usage.of(on.process) - before
                full = await calm_rss(on.process)
                crowd.check()
        return self._figures(empty, full, spent)

    def _figures(self, empty: int, full: int, spent: Usage) -> list[Figure]:
        return [
            Figure("RSS per connection", "KiB", (full - empty) / 1024 / self.connections),
            Figure("RSS before", "MiB", empty / 2**20, 1),
            Figure("RSS with all", "MiB", full / 2**20, 1),
            Figure("connect and auth", "/s", self.connections / spent.wall_s, 0),
            Figure("CPU per connect and auth", "us", spent.cpu_s / self.connections * 1e6, 0),
        ]
