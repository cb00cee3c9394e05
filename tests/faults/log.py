"""What one client did, was answered and saw: all that the checker knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

import orjson


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as a client was shown it."""

    conversation: UUID
    message: UUID
    seq: int
    rev: int
    sender: UUID
    content: str
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request has its place on the wire. All times are seconds of time.monotonic."""

    at: float
    number: int
    """Of the request among those of this client."""
    op: str
    conversation: UUID
    message: UUID | None = None
    op_id: UUID | None = None
    base_rev: int | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request, its retries included."""

    at: float
    number: int
    outcome: str
    """`ok`, the code of a refusal that is for good, or `in doubt`: the client gave up."""
    seq: int = 0
    rev: int = 0
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A live event."""

    at: float
    kind: Literal["created", "changed"]
    message: Seen
    taken: bool
    """Whether the app was shown it. A client drops what it has already, and reads what it lacks."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a sync gave: everything above `after`, up to and with `upto`."""

    at: float
    why: Literal["resume", "hole", "asked"]
    conversation: UUID
    after: int
    upto: int
    messages: list[Seen]


@dataclass(frozen=True, slots=True)
class Read:
    """A page of history."""

    at: float
    conversation: UUID
    messages: list[Seen]


@dataclass(frozen=True, slots=True)
class Connected:
    at: float
    url: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """After a connect: everything that was missed has been read."""

    at: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    at: float
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The client stopped for good, of which `why` is the cause; empty when it was told to."""

    at: float
    why: str = ""


Entry = Asked | Answered | Told | Page | Read | Connected | CaughtUp | Interrupted | Ended


@dataclass(slots=True)
class Log:
    """One client: a device of a user."""

    device: str
    user: UUID
    entries: list[Entry] = field(default_factory=list)


def write(log: Log, folder: Path) -> Path:
    """As JSON lines, one for each entry, into a file named after the device."""
    path = folder / f"{log.device}.jsonl"
    with path.open("wb") as file:
        file.write(orjson.dumps({"device": log.device, "user": log.user}) + b"\n")
        for entry in log.entries:
            what = {"what": type(entry).__name__}
            file.write(orjson.dumps(what)[:-1] + b"," + orjson.dumps(entry)[1:] + b"\n")
    return path
