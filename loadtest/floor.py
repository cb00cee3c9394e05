"""The C floor beside the server: floor.c, compiled when it is run, measured by the same receivers.

It knows no users, keeps nothing and joins no writes: one send() for each delivery.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest import descriptors, interrupt, verify
from loadtest.errors import CannotStart
from loadtest.gather import gathered
from loadtest.pace import Load
from loadtest.receiver import Crowd, client_frame
from loadtest.screen import Figure, Result, Screen
from loadtest.usage import Usage
from lumina_rt.dev.engines import die_with_parent

HOST = "127.0.0.1"
SOURCE = Path(__file__).with_name("floor.c")
TRIGGER = client_frame(b"!")
"""Asks for one message; as many bytes as floor.c expects."""
FRAME_BYTES = 132
"""Of a message of 128 bytes and nothing else."""
LIVES_S = 600
COMPILE_TIMEOUT_S = 60
STOP_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Floor:
    load: Load

    def prepare(self) -> None:
        """Raises CannotStart."""
        descriptors.allow(self.load.receivers)
        require_compiler()

    def measure(self, screen: Screen) -> Result:
        """Raises LoadTestError or OSError."""
        spent, faults = interrupt.run(run(self.load, FRAME_BYTES, screen))
        deliveries = self.load.messages * self.load.receivers
        figures = [
            Figure("CPU per delivery", "us", spent.cpu_s / deliveries * 1e6, 3),
            Figure("deliveries", "/s", deliveries / spent.wall_s, 0),
        ]
        return Result(figures, faults)


async def run(load: Load, frame_bytes: int, screen: Screen) -> tuple[Usage, list[str]]:
    """What the C process used for the load, and what was wrong. Raises LoadTestError or OSError."""
    with _program() as program, _running(program, frame_bytes) as (process, port):
        crowd = Crowd()
        nobody = [None] * load.receivers
        async with gathered(crowd, HOST, port, nobody, lambda done: None) as receivers:

            def send(count: int) -> None:
                receivers[0].write(TRIGGER * count)

            due = load.messages * load.receivers
            with screen.bar(f"the C floor: {load.messages} messages", due) as advance:
                spent = await load.measure(process, crowd, send, advance)
            return spent, verify.uneven(receivers, load.sent)


def require_compiler() -> str:
    """The path of gcc. Raises CannotStart."""
    if compiler := shutil.which("gcc"):
        return compiler
    raise CannotStart("the C floor needs gcc, which is not on the PATH; install it (Debian: gcc)")


@contextmanager
def _program() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lumina-floor-") as folder:
        program = Path(folder) / "floor"
        done = subprocess.run(
            [require_compiler(), "-O2", "-Wall", "-Wextra", "-o", str(program), str(SOURCE)],
            check=False, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S,
        )  # fmt: skip
        if done.returncode:
            raise CannotStart(f"{SOURCE.name} does not compile: {done.stderr.strip()}")
        yield program


@contextmanager
def _running(program: Path, frame_bytes: int) -> Iterator[tuple[psutil.Process, int]]:
    process = subprocess.Popen(
        [str(program), str(frame_bytes), str(LIVES_S)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  (only calls prctl)
    )  # fmt: skip
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()  # ends with the process, which has an alarm
            if not line:
                raise CannotStart("the C floor did not start, see above")
            yield psutil.Process(process.pid), int(line)
        finally:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
