"""Who does the work: each says what it costs, in microseconds of CPU of the server's process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import psutil

from loadtest import floor, interrupt, verify
from loadtest.accounts import register
from loadtest.errors import CannotStart
from loadtest.fanout import Fanout
from loadtest.gather import opened
from loadtest.pace import WARM_UP, Load
from loadtest.pairs import Budget
from loadtest.peers import install
from loadtest.peers.speech import Echoing, Pinging, SocketIo
from loadtest.receiver import Crowd
from loadtest.screen import Screen
from loadtest.stage import HOST, Stage
from loadtest.usage import Usage
from lumina_rt.dev.engines import die_with_parent

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Work:
    load: Load
    clients: int
    """Each has one echo under way."""
    echoes: int


@dataclass(frozen=True, slots=True)
class Cost:
    delivery_us: float
    echo_us: float | None
    """None: it does not answer."""
    faults: Sequence[str]


class Contestant(Protocol):
    @property
    def name(self) -> str: ...

    def prepare(self) -> None:
        """Raises CannotInstall or CannotStart."""

    def measure(self, work: Work, screen: Screen) -> Cost:
        """Raises LoadTestError or OSError."""


@dataclass(frozen=True, slots=True)
class CFloor:
    name: str = "C floor"

    def prepare(self) -> None:
        floor.require_compiler()

    def measure(self, work: Work, screen: Screen) -> Cost:
        spent, faults = interrupt.run(floor.run(work.load, floor.FRAME_BYTES, screen))
        return Cost(_us(spent, work.load.messages * work.load.receivers), None, faults)


@dataclass(frozen=True, slots=True)
class Lumina:
    """With everything on: each message is committed before it is delivered."""

    on: Stage
    name: str = "Lumina"

    def prepare(self) -> None:
        pass

    def measure(self, work: Work, screen: Screen) -> Cost:
        return interrupt.run(self._measure(work, screen))

    async def _measure(self, work: Work, screen: Screen) -> Cost:
        result = await Fanout(work.load).run(screen, self.on)
        delivery = result.figures[0].value
        assert delivery is not None
        ((_, token),) = await register(self.on.url, 1, lambda done: None)
        crowd, budget = Crowd(), Budget()
        host = f"{HOST}:{self.on.port}"
        clients = [Pinging(crowd, host, budget, token) for _ in range(work.clients)]
        spent = await _echo(work, self.on.process, self.on.port, crowd, clients, budget)
        return Cost(delivery, _us(spent, work.echoes), result.faults)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server script beside this file, that prints its port."""

    name: str
    command: Callable[[], Sequence[str]]
    """Raises CannotInstall."""
    client: type[Echoing]

    def prepare(self) -> None:
        self.command()

    def measure(self, work: Work, screen: Screen) -> Cost:
        with serving(self.command()) as (process, port):
            return interrupt.run(self._measure(work, process, port))

    async def _measure(self, work: Work, process: psutil.Process, port: int) -> Cost:
        host, load = f"{HOST}:{port}", work.load
        crowd = Crowd()
        receivers = [self.client(crowd, host) for _ in range(load.receivers)]

        def send(count: int) -> None:
            receivers[0].write(self.client.to_all * count)

        async with opened(crowd, receivers, HOST, port, lambda done: None):
            fanout = await load.measure(process, crowd, send, lambda done: None)
        faults = verify.uneven(receivers, load.sent)
        crowd, budget = Crowd(), Budget()
        clients = [self.client(crowd, host, budget) for _ in range(work.clients)]
        echo = await _echo(work, process, port, crowd, clients, budget)
        deliveries = load.messages * load.receivers
        return Cost(_us(fanout, deliveries), _us(echo, work.echoes), faults)


async def _echo(
    work: Work,
    process: psutil.Process,
    port: int,
    crowd: Crowd,
    clients: Sequence[Echoing],
    budget: Budget,
) -> Usage:
    async with opened(crowd, clients, HOST, port, lambda done: None):
        await _exchange(crowd, clients, budget, WARM_UP * len(clients))
        before = Usage.of(process)
        await _exchange(crowd, clients, budget, work.echoes)
        return Usage.of(process) - before


async def _exchange(crowd: Crowd, clients: Sequence[Echoing], budget: Budget, echoes: int) -> None:
    begun_at = crowd.frames
    budget.left = echoes
    for client in clients:
        client.send()
    await crowd.until(begun_at + echoes)


def _us(spent: Usage, times: int) -> float:
    return spent.cpu_s / times * 1e6


def node_peer(name: str, script: str, client: type[Echoing]) -> Peer:
    def command() -> list[str]:
        modules = install.node_modules()
        return ["env", f"NODE_PATH={modules}", "NODE_ENV=production", "node", _script(script)]

    return Peer(name, command, client)


def python_peer(name: str, script: str, client: type[Echoing]) -> Peer:
    return Peer(name, lambda: [str(install.python()), _script(script)], client)


PEERS = (
    node_peer("node ws", "node/ws.cjs", Echoing),
    node_peer("socket.io", "node/socketio.cjs", SocketIo),
    python_peer("websockets", "python/plain.py", Echoing),
    python_peer("Starlette, uvicorn", "python/starlette_app.py", Echoing),
    python_peer("python-socketio, uvicorn", "python/socketio_app.py", SocketIo),
)


@contextmanager
def serving(command: Sequence[str]) -> Iterator[tuple[psutil.Process, int]]:
    """A server that has printed its port. Raises CannotStart."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  (only calls prctl)
    )  # fmt: skip
    with process:
        try:
            assert process.stdout
            told, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
            if not told or not (line := process.stdout.readline()):
                raise CannotStart(f"{os.path.basename(command[-1])} did not start, see above")
            yield psutil.Process(process.pid), int(line)
        finally:
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def _script(name: str) -> str:
    return str(install.HERE / name)
