"""Child processes that are nodes: each a `lumina serve` of its own, as in production."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lumina_rt.dev.binaries import EngineError
from lumina_rt.dev.engines import die_with_parent

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30


class NodeError(EngineError):
    """A node ended while it was starting; it has said why on stderr."""


@dataclass(slots=True)
class NodeProcess:
    host: str
    port: int
    private_port: int
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """In a process group of its own: Ctrl-C reaches us, and we stop nodes before engines."""
        settings = {
            "LUMINA_HOST": self.host,
            "LUMINA_PORT": str(self.port),
            "LUMINA_PRIVATE_HOST": self.host,
            "LUMINA_PRIVATE_PORT": str(self.private_port),
        }
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lumina_rt", "serve"],
            env={**os.environ, **self.environment, **settings},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  (only calls prctl)
        )

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{self.port}/v1/socket"

    @property
    def health(self) -> str:
        return f"http://{self.host}:{self.private_port}/readyz"

    def wait_until_ready(self) -> None:
        """Raises NodeError."""
        until = time.monotonic() + READY_TIMEOUT_S
        while not self._ready():
            if self.process.poll() is not None:
                raise NodeError(f"the node for port {self.port} did not start, see above")
            if time.monotonic() > until:
                raise NodeError(f"the node for port {self.port} is not ready; see {self.health}")
            time.sleep(0.03)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.private_port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200 and self.process.poll() is None
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> int:
        """Drain, and wait for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
