"""The server that is loaded: nodes that are started for it, or one that runs already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psutil

from loadtest.data.fill import fill
from loadtest.data.scale import Scale
from loadtest.errors import CannotStart
from loadtest.screen import Screen
from loadtest.stage import HOST, free_ports, ground
from loadtest.usage import calm_rss, family_cpu_s
from lumina_rt.dev.nodes import NodeProcess

OWN_SETTINGS = {"LUMINA_TOKEN_TTL_S": "86400", "LUMINA_DRAIN_SPREAD_S": "1"}
"""A soak lasts longer than a token; and nobody has to wait for a balancer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Totals at one moment; the difference of two is what was used between them."""

    at: float
    cpu_s: float | None
    """Of all nodes, also of those that have ended meanwhile. None: not to be seen from here."""
    rss: int | None
    """Bytes, of all nodes."""


@dataclass(slots=True)
class Target:
    urls: Sequence[str]
    processes: dict[int, psutil.Process] = field(default_factory=dict)
    """The nodes, as far as they can be seen from here, by their number."""
    nodes: list[NodeProcess] = field(default_factory=list)
    """Those that we have started."""
    postgres: psutil.Process | None = None
    database_url: str | None = None
    _ended_s: float = 0.0
    _last_s: dict[int, float] = field(default_factory=dict)

    def sample(self) -> Sample:
        rss = 0
        for number, process in self.processes.items():
            try:
                with process.oneshot():
                    times, memory = process.cpu_times(), process.memory_info()
            except psutil.NoSuchProcess:
                continue
            self._last_s[number] = times.user + times.system
            rss += memory.rss
        seen = bool(self.processes)
        spent = sum(self._last_s.values()) + self._ended_s
        return Sample(time.monotonic(), spent if seen else None, rss if seen else None)

    def postgres_s(self) -> float | None:
        """CPU seconds of Postgres, with all its processes."""
        return family_cpu_s(self.postgres) if self.postgres else None

    async def calm_rss(self) -> int | None:
        """Bytes of all nodes once they hold still. Raises Stalled."""
        if not self.processes:
            return None
        return sum(await asyncio.gather(*map(calm_rss, self.processes.values())))

    async def restart(self, number: int) -> None:
        """Drain a node, and start it again. Raises CannotStart or NodeError."""
        if not self.nodes:
            raise CannotStart("a server that runs elsewhere cannot be restarted from here")
        node = self.nodes[number]
        await asyncio.to_thread(node.stop)
        self._ended_s += self._last_s.pop(number, 0.0)
        node.start()  # in this thread: the kernel ends it with the thread that has started it
        self.processes[number] = psutil.Process(node.process.pid)
        await asyncio.to_thread(node.wait_until_ready)


@contextmanager
def own_nodes(screen: Screen, count: int, history: int = 0) -> Iterator[Target]:
    """With engines of their own, all gone when the block ends. With `history`, the database has so
    many messages and posts of made-up people. Raises as `stage.ground` does, and NodeError."""
    with ExitStack() as stack:
        there = stack.enter_context(ground(screen))
        settings = {**there.settings, **OWN_SETTINGS}
        if history:
            with screen.step(f"filling in {history:,} messages and posts"):
                asyncio.run(fill(settings["LUMINA_DATABASE_URL"], Scale(history, history)))
        ports = free_ports(2 * count)
        started = []
        with screen.step(f"starting {count} nodes" if count > 1 else "starting a node"):
            for number in range(count):
                named = {**settings, "LUMINA_NODE": f"loadtest{number + 1}"}
                node = NodeProcess(HOST, ports[2 * number], ports[2 * number + 1], named)
                stack.callback(node.stop)
                started.append(node)
            for node in started:
                node.wait_until_ready()
        yield Target(
            [node.url for node in started],
            {number: psutil.Process(node.process.pid) for number, node in enumerate(started)},
            started,
            there.postgres,
            settings["LUMINA_DATABASE_URL"],
        )


def running_server(urls: Sequence[str], pids: Sequence[int]) -> Target:
    """`pids`: its nodes, where they run on this machine. Raises CannotStart."""
    try:
        processes = {number: psutil.Process(pid) for number, pid in enumerate(pids)}
    except psutil.NoSuchProcess as error:
        raise CannotStart(f"there is no process {error.pid}") from None
    return Target(urls, processes)
