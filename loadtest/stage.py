"""What is measured: engines in a temporary folder and one node, gone when the block ends."""

from __future__ import annotations

import asyncio
import http.client
import random
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest import profiled_node
from loadtest.errors import Broken, CannotStart
from loadtest.screen import Screen
from lumina_rt.config import Settings
from lumina_rt.dev import engines, nodes
from lumina_rt.dev.engines import Engines
from lumina_rt.store.migrate import migrate

HOST = "127.0.0.1"
BELOW_EPHEMERAL = (20_000, 32_000)
"""Ports that the kernel does not give to outgoing connections, of which there will be many."""
LOOSE = "1000000/1s burst 1000000"
"""A limit that is counted, as it costs something, and not met."""
PORT_TRIES = 200
METRICS_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Ground:
    """Engines with a migrated database, and the settings of a node on them."""

    settings: Mapping[str, str]
    postgres: psutil.Process


@dataclass(frozen=True, slots=True)
class Stage:
    """A ready node."""

    port: int
    private_port: int
    url: str
    process: psutil.Process
    """The node's."""

    def metric(self, name: str) -> float:
        """Of those without labels, as /metrics tells it. Raises Broken or OSError."""
        connection = http.client.HTTPConnection(HOST, self.private_port, timeout=METRICS_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        for line in lines:
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise Broken(f"the node has no metric {name}")


@contextmanager
def stage(screen: Screen, profile: Path | None = None) -> Iterator[Stage]:
    """A node with an empty database. Raises as `ground` and `running` do."""
    with ground(screen) as engines_there, running(screen, engines_there.settings, profile) as on:
        yield on


@contextmanager
def ground(screen: Screen) -> Iterator[Ground]:
    """Raises EngineError, MigrationError or OSError when something does not start."""
    with ExitStack() as stack:
        with screen.step("starting Postgres and Valkey"):
            folder = _temporary_folder(stack)
            started = _start_engines(stack, folder)
        with screen.step("applying migrations"):
            asyncio.run(migrate(started.database_url()))
        yield Ground(_settings(started, folder), psutil.Process(started.postgres.pid))
        screen.line("  stopping")


@contextmanager
def running(
    screen: Screen, settings: Mapping[str, str], profile: Path | None = None
) -> Iterator[Stage]:
    """With `profile`, the node is one that obeys `profiled_node.toggle` and writes that file.

    Raises NodeError, CannotStart or OSError when it does not start.
    """
    with ExitStack() as stack:
        with screen.step("starting a node"):
            port, private_port = free_ports(2)
            if profile is None:
                pid = _start_node(settings, port, private_port, stack)
            else:
                settings = {**settings, "LUMINA_PRIVATE_PORT": str(private_port)}
                profiled = profiled_node.running(settings, HOST, profile)
                pid, port = stack.enter_context(profiled)
        yield Stage(port, private_port, f"ws://{HOST}:{port}/v1/socket", psutil.Process(pid))


def _temporary_folder(stack: ExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lumina-loadtest-")))
    folder.chmod(0o755)  # as root the engines run as another user, who must get in
    return folder


def _start_engines(stack: ExitStack, folder: Path) -> Engines:
    started = engines.start(folder / "home")
    for outside in (started.home.data, started.home.run):  # when the folder did not suit them
        stack.callback(shutil.rmtree, outside, ignore_errors=True)
    stack.callback(started.stop)
    return started


def _settings(started: Engines, folder: Path) -> dict[str, str]:
    """Production's, but for the limits that would stop a crowd that comes from one place."""
    return {
        "LUMINA_ENVIRONMENT": "development",
        "LUMINA_DATABASE_URL": started.database_url(),
        "LUMINA_REDIS_URL": started.redis_url,
        "LUMINA_SECRET": secrets.token_hex(32),
        "LUMINA_BLOB_DIR": str(folder / "blobs"),
        "LUMINA_NODE": "loadtest",
        "LUMINA_LOG_LEVEL": "warning",
        "LUMINA_PASSWORD_ROUNDS": "4",
        "LUMINA_MAX_CONNECTIONS": "1000000",
        "LUMINA_MAX_CONNECTIONS_PER_ADDRESS": "1000000",
        "LUMINA_HANDSHAKES_PER_S": "1000000",
        "LUMINA_HANDSHAKES_BURST": "1000000",
        "LUMINA_MAX_SESSIONS_PER_USER": "1000000",
        "LUMINA_REQUESTS_PER_S": "1000000",
        "LUMINA_REQUESTS_BURST": "1000000",
        **{f"LUMINA_{name.upper()}": LOOSE for name in Settings.model_fields if "limit_" in name},
        "LUMINA_DRAIN_WAIT_S": "0",
        "LUMINA_DRAIN_SPREAD_S": "0",
    }


def _start_node(settings: Mapping[str, str], port: int, private_port: int, stack: ExitStack) -> int:
    """Its process id."""
    node = nodes.NodeProcess(HOST, port, private_port, settings)
    stack.callback(node.stop)
    node.wait_until_ready()
    return node.process.pid


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now. Raises CannotStart."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(range(*BELOW_EPHEMERAL), PORT_TRIES):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise CannotStart(f"no free port in {BELOW_EPHEMERAL[0]}-{BELOW_EPHEMERAL[1]} was found")
