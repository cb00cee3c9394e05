"""The `lumina` command as a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.leaks import look

COMMAND = [sys.executable, "-m", "lumina_rt"]


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LUMINA_")}
    return {**kept, **{f"LUMINA_{name.upper()}": value for name, value in settings.items()}}


def lumina(
    *args: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str = "",
    within_s: float = 15,
) -> subprocess.CompletedProcess[str]:
    """Run to the end; `text` is typed. What it says on stderr is searched for secrets."""
    done = subprocess.run(
        [*COMMAND, *args],
        env=env if env is not None else environment(),
        cwd=cwd or "/",  # where no `lumina dev` has left its settings
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=within_s,
    )
    look(done.stderr)
    return done


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode != 0, done.stdout
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [bound.getsockname()[1] for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter too, as engines started by root need."""
    with tempfile.TemporaryDirectory(prefix="lumina-cli-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def serving(settings: dict[str, str], *args: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "serve", *args]
    with subprocess.Popen(
        command, env=environment(**settings), cwd="/", stderr=subprocess.PIPE, text=True
    ) as node:
        try:
            yield node
        finally:
            node.kill()


def said(log: IO[str] | None, event: str) -> dict[str, Any]:
    """The next line of the log that says so."""
    assert log
    for line in log:
        told: dict[str, Any] = json.loads(line)
        if event in told["event"]:
            return told
    raise AssertionError(f"the node has ended without saying: {event}")
