"""The same work by other servers: what they do is checked, and who is missing is left out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.peers import install
from tests.cli.command import environment

pytestmark = [pytest.mark.once, pytest.mark.timeout(90)]

# Enough that it takes more than the 10 ms by which the kernel counts.
SMALL = ("--receivers", "20", "--messages", "600", "--clients", "5", "--echoes", "2000",
         "--rounds", "1")  # fmt: skip


def peers(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadtest", "peers", *SMALL, *args],
        env=environment() | {"PYTHONPATH": str(Path.cwd())} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=80,
    )


def test_lumina_and_the_floor_do_the_same_work() -> None:
    done = peers("--only", "Lumina", "--only", "C floor")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    assert [row[1].strip() for row in rows].count("C floor") == 1  # it does not answer
    assert [row[1].strip() for row in rows].count("Lumina") == 2
    assert all(row[5].strip() == "1.00" for row in rows if row[1].strip() == "Lumina")


def test_who_cannot_be_installed_is_left_out(tmp_path: Path) -> None:
    for name in ("gcc", "as", "ld"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    done = peers("--only", "node ws", "--only", "C floor", PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out: node ws: " in done.stderr
    assert "C floor" in done.stdout
    assert "node ws" not in done.stdout


def test_lock_files_name_no_host_to_install_from() -> None:
    node = (install.HERE / "node" / "package-lock.json").read_text()
    python = (install.HERE / "python" / "requirements.txt").read_text()
    assert '"integrity"' in node
    assert '"resolved"' not in node
    assert "--hash=sha256:" in python
    assert "://" not in python
