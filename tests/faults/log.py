"""What one client did, was answered and saw: all that the checker knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import UUID

import orjson

Mood = tuple[str, UUID]
Value = str | int | bool | tuple[object, ...] | None
"""None: there is none."""
Things = dict[str, dict[str, Value]]
"""What there is of each kind, by its name."""


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
    is_note: bool = False
    """Of the server."""
    moods: tuple[Mood, ...] = ()
    """Sorted."""
    is_pinned: bool = False
    reply_to: UUID | None = None
    quoted: str = ""
    """What it shows of the message that it answers."""
    mentions: tuple[UUID, ...] = ()
    expires_at: int | None = None
    """In ms since 1970."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be sent later."""

    conversation: UUID
    content: str
    send_at: int
    """In ms since 1970."""
    error: str | None = None


@dataclass(slots=True)
class Mine:
    """What a user has for themselves, on all their devices."""

    read: dict[UUID, int] = field(default_factory=dict)
    marked: set[UUID] = field(default_factory=set)
    """As unread."""
    drafts: dict[UUID, str] = field(default_factory=dict)
    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    """By the id that the message will have."""


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
    """Of a reaction its mood."""
    whom: UUID | None = None
    """Who comes or goes. The note that tells of it has `op_id` as its message id."""
    deed: tuple[str, str] | None = None
    """Beyond messages: the kind and name of what shall be `value`. The conversation is nil."""
    value: Value = None


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
    asked_at: float | None = None
    """When the app asked for it."""


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
    asked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Owned:
    """What the SDK hands to the app of what is the user's own. None: not any more."""

    at: float
    what: Literal["read", "marked", "draft", "waiting", "hidden", "begun", "left"]
    conversation: UUID
    value: int | str | bool | Waiting | tuple[int, ...] | None = None
    message: UUID | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """The app has read all that is the user's own, since it has had nothing, or cannot go on from
    what it had."""

    at: float
    mine: Mine


@dataclass(frozen=True, slots=True)
class Has:
    """What the SDK hands to the app of what the user has beyond messages."""

    at: float
    kind: str
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class HasAll:
    """The app has read all of that, see Lists."""

    at: float
    things: Things


@dataclass(frozen=True, slots=True)
class Looked:
    """What a device knows of a post that it watches. `state`: all but its comments, as JSON; None
    when it was told that there is nothing to see any more. `comments`: those that are told now."""

    at: float
    post: UUID
    state: str | None
    comments: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment. `says`: all of it, as JSON."""

    comment: UUID
    rev: int
    says: str


@dataclass(frozen=True, slots=True)
class Glanced:
    """What a device was told of a story that it watches: its numbers, as JSON; None as above."""

    at: float
    story: UUID
    state: str | None


@dataclass(frozen=True, slots=True)
class Hinted:
    """The posts that a device which watches its feed was told of, or has read because it was told
    to look."""

    at: float
    posts: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Fed:
    """The posts of a home feed, of all pages."""

    at: float
    asked_at: float
    posts: tuple[UUID, ...]


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
App = Asked | Answered | Shown | Read | Owned | Lists | Connected | CaughtUp | Interrupted | Ended
Social = Has | HasAll | Looked | Glanced | Hinted | Fed
Entry = Wire | App | Social


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
            said = orjson.dumps(entry, default=list, option=orjson.OPT_NON_STR_KEYS)
            file.write(orjson.dumps(what)[:-1] + b"," + said[1:] + b"\n")
    return path
