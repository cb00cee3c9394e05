"""A node whose Python code is profiled between two signals. The profiler makes it about half as
fast: take the shares from it, not the times.

    python -m loadtest.profiled_node FILE

The settings come from the environment; the port is printed when the node is ready.
"""

from __future__ import annotations

import asyncio
import cProfile
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from loadtest.errors import CannotStart
from lumina_rt import app
from lumina_rt.config import read_settings
from lumina_rt.dev.engines import die_with_parent
from lumina_rt.telemetry import setup_logging

TOGGLE = signal.SIGUSR1
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30


def toggle(process: psutil.Process) -> None:
    """Begin to profile; the second time, end and write the file."""
    process.send_signal(TOGGLE)


@contextmanager
def running(settings: Mapping[str, str], host: str, file: Path) -> Iterator[tuple[int, int]]:
    """The process id and the port of a ready node. Raises CannotStart."""
    where = {"LUMINA_HOST": host, "LUMINA_PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest.profiled_node", str(file.resolve())],
        env={**os.environ, **settings, **where},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        process_group=0,
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  (only calls prctl)
    )
    with process:
        try:
            yield process.pid, _port(process)
        finally:
            _stop(process)


def _port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout
    told, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    if not told or not (line := process.stdout.readline()):
        raise CannotStart(f"the profiled node was not ready in {START_TIMEOUT_S} s, or ended")
    return int(line)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


class Toggle:
    """What the signal does."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.profile = cProfile.Profile()
        self.running = False

    def __call__(self) -> None:
        if self.running:
            self.profile.disable()
            self.profile.dump_stats(self.file)
        else:
            self.profile.enable()
        self.running = not self.running


def run(file: str) -> None:
    settings = read_settings()
    setup_logging(settings.log_format, settings.log_level)
    asked = Toggle(file)

    def started(node: app.Node) -> None:
        asyncio.get_running_loop().add_signal_handler(TOGGLE, asked)
        sys.stdout.write(f"{node.port}\n")
        sys.stdout.flush()

    uvloop.run(app.serve(settings, started))


if __name__ == "__main__":
    run(sys.argv[1])
