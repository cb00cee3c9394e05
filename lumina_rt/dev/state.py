"""What `lumina dev` leaves for the other commands: .lumina/dev.json, readable by its owner only."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOME = Path(os.environ.get("LUMINA_HOME", ".lumina"))
NAME = "dev.json"
DEMO_PASSWORD = "lumina-demo"  # noqa: S105  (printed on the screen)


@dataclass(slots=True)
class DevState:
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    urls: list[str] = field(default_factory=list)
    """Of the running nodes, for clients."""
    environment: dict[str, str] = field(default_factory=dict)
    """The LUMINA_ settings that a node of this installation runs with."""
    owner_environment: dict[str, str] = field(default_factory=dict)
    """Those that `lumina migrate` has instead: it changes the schema, which a node may not."""
    accounts: dict[str, str] = field(
        default_factory=lambda: {"alice": DEMO_PASSWORD, "bob": DEMO_PASSWORD}
    )
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    """Of the demo accounts, so that nobody waits for bcrypt at every start."""


def load(home: Path = HOME) -> DevState | None:
    """None when `lumina dev` has not run here."""
    try:
        return DevState(**json.loads((home / NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def save(state: DevState, home: Path = HOME) -> None:
    unfinished = home / f"{NAME}.new"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(asdict(state), indent=2) + "\n")
    unfinished.rename(home / NAME)
