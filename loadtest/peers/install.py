"""The libraries of the peers, as their lock files say, in folders of their own under .lumina/."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loadtest.errors import LoadTestError

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / ".lumina" / "peers"
DONE = "installed"
TIMEOUT_S = 300


class CannotInstall(LoadTestError):
    """A peer has to be left out; says why."""


def node_modules() -> Path:
    """Where node finds `ws` and socket.io. Raises CannotInstall."""
    source = HERE / "node"
    folder, done = _folder(source / "package-lock.json")
    if not done:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        _run(_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", into=folder)
        (folder / DONE).touch()
    _program("node")
    return folder / "node_modules"


def python() -> Path:
    """An interpreter that has the Python peers. Raises CannotInstall."""
    requirements = HERE / "python" / "requirements.txt"
    folder, done = _folder(requirements)
    interpreter = folder / "bin" / "python"
    if not done:
        _run(sys.executable, "-m", "venv", str(folder), into=folder)
        _run(
            str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--require-hashes", "--only-binary", ":all:", "-r", str(requirements), into=folder,
        )  # fmt: skip
        (folder / DONE).touch()
    return interpreter


def _folder(lock: Path) -> tuple[Path, bool]:
    """Of what this lock file says, and whether all of it is there."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = INSTALLED / f"{lock.parent.name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, (folder / DONE).exists()


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise CannotInstall(f"{name} is not on the PATH")


def _run(*command: str, into: Path) -> None:
    try:
        _finish(command, into)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)) from None


def _finish(command: Sequence[str], into: Path) -> None:
    done = subprocess.run(
        command, cwd=into, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=TIMEOUT_S,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise CannotInstall(f"{Path(command[0]).name} ended with {done.returncode}: {last}")
