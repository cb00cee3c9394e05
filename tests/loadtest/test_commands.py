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


def test_logout_tells_when_the_last_socket_is_closed() -> None:
    done = loadtest("logout", "--logins", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    told = {cells[1].strip(): cells[2].strip() for cells in rows(done.stdout)}
    assert 0 < float(told["answered"]) < float(told["the last socket closed"]) < 5000


def test_fanout_tells_the_cpu_of_a_delivery_and_that_all_arrived_in_order() -> None:
    done = loadtest("fanout", "--receivers", "30", "--messages", "64", "--burst", "8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPU per delivery" in done.stdout


def test_sends_tells_what_a_message_costs_by_the_size_of_batches() -> None:
    done = loadtest(
        "sends", "--pairs", "8", "--messages", "640", "--under-way", "4", "--batch", "1",
        "--batch", "16",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = {cells[1].strip(): cells[2].strip() for cells in rows(done.stdout)}
    assert "?" not in told.values()
    assert float(told["mean batch, 1"]) == 1
    assert 1 < float(told["mean batch, 16"]) <= 16
    for name in ("messages, 16", "node CPU, 1", "Postgres CPU, 16"):
        assert float(told[name].replace(",", "")) > 0
    for delay in ("to ack", "to delivery"):
        middle, last = (float(told[f"{delay}, {p}, 16"]) for p in ("p50", "p99"))
        assert 0 < middle <= last


def rows(table: str) -> list[list[str]]:
    return [line.split("│") for line in table.splitlines() if "│" in line]


@pytest.mark.parametrize(
    "args",
    [
        ("idle", "--users", "0"),
        ("big_groups", "--members", "1"),
        ("fanout", "--burst", "0"),
        ("sends", "--batch", "0"),
        ("sends", "--batch", "1", "--batch", "1"),
        ("sends", "--profile", "x.pstats"),
    ],
)
def test_a_wrong_option_is_said(args: tuple[str, ...]) -> None:
    done = loadtest(*args)
    assert done.returncode == 2
    assert "Invalid value" in done.stderr
