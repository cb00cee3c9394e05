"""What is measured: engines in a temporary folder and one node, gone when the block ends."""

from __future__ import annotations

import asyncio
import random
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest import profiled_node
from loadtest.errors import CannotStart
from loadtest.screen import Screen
from lumina_rt.dev import engines, nodes
from lumina_rt.dev.engines import Engines
from lumina_rt.store.migrate import migrate

HOST = "127.0.0.1"
BELOW_EPHEMERAL = (20_000, 32_000)
"""Ports that the kernel does not give to outgoing connections, of which there will be many."""
PORT_TRIES = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """A ready node with an empty, migrated database."""

    port: int
    url: str
    process: psutil.Process
    """The node's."""


@contextmanager
def stage(screen: Screen, profile: Path | None = None) -> Iterator[Stage]:
    """With `profile`, the node is one that obeys `profiled_node.toggle` and writes that file.

    Raises EngineError, MigrationError, CannotStart or OSError when something does not start.
    """
    with ExitStack() as stack:
        with screen.step("starting Postgres and Valkey"):
            folder = _temporary_folder(stack)
            started = _start_engines(stack, folder)
        with screen.step("applying migrations"):
            asyncio.run(migrate(started.database_url()))
        with screen.step("starting a node"):
            settings = _settings(started, folder)
            pid, port = (
                _start_node(settings, stack)
                if profile is None
                else stack.enter_context(profiled_node.running(settings, HOST, profile))
            )
        yield Stage(port, f"ws://{HOST}:{port}/v1/socket", psutil.Process(pid))
        screen.line("  stopping")


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
        "LUMINA_MAX_SESSIONS_PER_USER": "1000000",
        "LUMINA_REQUESTS_PER_S": "1000000",
        "LUMINA_REQUESTS_BURST": "1000000",
    }


def _start_node(settings: dict[str, str], stack: ExitStack) -> tuple[int, int]:
    """Its process id and port."""
    port, private_port = free_ports(2)
    node = nodes.NodeProcess(HOST, port, private_port, settings)
    stack.callback(node.stop)
    node.wait_until_ready()
    return node.process.pid, port


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
