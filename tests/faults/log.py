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
    whom: UUID | None = None
    """Who comes or goes. The note that tells of it has `op_id` as its message id."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a request, its retries included."""

    at: float
    number: int
    outcome: str
    """`ok`, the code of a refusal that is for good, or `in doubt`: the client gave up."""
    seq: int = 0
    rev: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A live event, as it came over the wire."""

    at: float
    kind: Literal["created", "changed"]
    message: Seen
    taken: bool
    """Whether the device has come further by it. It drops what it has, and reads what it lacks."""


@dataclass(frozen=True, slots=True)
class Page:
    """As it came over the wire: everything above `after`, up to and with `upto`."""

    at: float
    why: Literal["told", "limited", "mended", "asked"]
    """Told by the server unasked; so, and not all of it; read by the SDK to fill a hole; asked for
    by the app, which moves nothing."""
    conversation: UUID
    after: int
    upto: int
    messages: list[Seen]
    taken: bool = False
    """As with Told."""


@dataclass(frozen=True, slots=True)
class Begun:
    """From this rev on the device is to have everything of a conversation; what it had before of
    it is dropped."""

    at: float
    conversation: UUID
    rev: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """The device keeps nothing of a conversation any more."""

    at: float
    conversation: UUID


@dataclass(frozen=True, slots=True)
class Resuming:
    """The device is on a new connection, and says up to which rev it has had conversations."""

    at: float
    epoch: int | None
    cursors: list[tuple[UUID, int]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the SDK hands to the app."""

    at: float
    kind: Literal["created", "changed"]
    message: Seen


@dataclass(frozen=True, slots=True)
class Read:
    """A page of history. `anew`: the app begins with the conversation, and shows all of it."""

    at: float
    conversation: UUID
    messages: list[Seen]
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    at: float
    url: str
    epoch: int = 1
    reset: bool = False


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


Wire = Told | Page | Begun | Dropped | Resuming
App = Asked | Answered | Shown | Read | Connected | CaughtUp | Interrupted | Ended
Entry = Wire | App


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
