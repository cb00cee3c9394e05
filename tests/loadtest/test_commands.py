"""The measurements run, small, and say what they found; what they check is checked here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.command import environment

pytestmark = [pytest.mark.embedded_only, pytest.mark.timeout(90)]


def loadtest(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest", *args],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )


def test_idle_tells_the_memory_of_a_connection() -> None:
    done = loadtest("idle", "--connections", "60")
    assert done.returncode == 0, done.stderr
    assert "KiB" in done.stdout


def test_fanout_tells_the_cpu_of_a_delivery_and_that_all_arrived_in_order() -> None:
    done = loadtest("fanout", "--receivers", "30", "--messages", "64", "--burst", "8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPU per delivery" in done.stdout


@pytest.mark.parametrize("args", [("idle", "--connections", "0"), ("fanout", "--burst", "0")])
def test_a_wrong_option_is_said(args: tuple[str, ...]) -> None:
    done = loadtest(*args)
    assert done.returncode == 2
    assert "Invalid value" in done.stderr
