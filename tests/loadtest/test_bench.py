"""The bench tells what is worse than its baseline beyond the noise, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.bench.baseline import Baseline, columns, compared
from loadtest.bench.ratios import BY_THEMSELVES, ON_NODES
from tests.cli.command import environment

pytestmark = [pytest.mark.once, pytest.mark.timeout(90)]

BEFORE = Baseline({"a : b": [1.0, 1.2, 1.1]}, {"encode": 1000.0}, "3.11.7")


def worse(*ratios: float, count: float = 1000.0, python: str = "3.11.7") -> list[str]:
    now = Baseline({"a : b": list(ratios), "new": [9.0]}, {"encode": count}, python)
    return [row.name for rows in compared(now, BEFORE) for row in rows if row.worse]


def test_a_median_far_above_the_highest_is_worse() -> None:
    assert worse(1.4, 1.5, 1.39) == ["a : b"]
    assert worse(1.3, 5.0, 1.2) == []
    assert worse(0.1, 0.1, 0.1) == []


def test_instructions_are_compared_closely_and_within_a_version_of_python_only() -> None:
    assert worse(1.0, count=1031.0) == ["encode"]
    assert worse(1.0, count=1029.0) == []
    assert worse(1.0, count=2000.0, python="3.13.0") == []


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    assert Baseline.read(file) is None
    BEFORE.write(file)
    assert Baseline.read(file) == BEFORE
    assert columns([{"a": 1.0}, {"a": 2.0}]) == {"a": [1.0, 2.0]}


def test_the_stored_baseline_is_of_all_that_is_measured() -> None:
    stored = Baseline.read(Path("loadtest/bench/baseline.json"))
    assert stored
    assert all(len(values) >= 3 for values in stored.ratios.values())
    assert len(stored.ratios) >= len(ON_NODES) + len(BY_THEMSELVES)


def test_the_command_measures_and_ends_with_one_when_something_is_worse(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    done = bench("--write", "--baseline", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    stored = json.loads(file.read_text())
    (name,) = stored["ratios"]
    stored["ratios"][name] = [value / 4 for value in stored["ratios"][name]]
    file.write_text(json.dumps(stored))
    done = bench("--baseline", str(file))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"worse beyond the noise\n  {name}" in done.stderr


def bench(*args: str) -> subprocess.CompletedProcess[str]:
    only = ("--only", "encoding", "--rounds", "1")
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "bench", *only, *args],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )
