"""One connection's conversation with the server, as a table: no socket, no clock, no await.

The shell around it (gateway/connection.py) tells it what happened, and does what it answers.
After h11, whose `_state.py` shows how readable a protocol is as a table.

    STRANGER --auth--> CHECKING --accepted--> READY --over--> CLOSED
        ^                 |
        +----refused------+

Requests of a connection run one after another, in the order in which they came. Those that may run
together are begun in that order, while the ones before are under way; their handlers keep it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from lumina_protocol.errors import (
    AlreadyAuthenticated,
    AuthRequired,
    CloseCode,
    ErrorBody,
    LuminaError,
    RateLimited,
)
from lumina_protocol.frame import RequestFrame

AUTH_TRIES = 5


class Member(Enum):
    """A member is itself only, so where it lies says as much as its name, and hashes in C."""

    __hash__ = object.__hash__


class State(Member):
    STRANGER = auto()  # hello is said; nobody knows who it is
    CHECKING = auto()  # a token is being checked
    READY = auto()  # the user is known and gets events
    CLOSED = auto()  # a close was sent or came; nothing more is done


class Input(Member):
    AUTH = auto()  # the next request is `auth`
    PUBLIC = auto()  # the next request is one that strangers may send
    PRIVATE = auto()  # the next request is any other
    ACCEPTED = auto()  # the token was right
    REFUSED = auto()  # the token was wrong
    UNDECIDED = auto()  # the token could not be checked, for example because the store is away
    LATE = auto()  # the time to authenticate is over
    OVER = auto()  # the connection is lost, or is being closed for a reason of the shell


class Verb(Member):
    RUN = auto()  # run the request
    DEMAND_AUTH = auto()  # answer it with auth_required
    REFUSE_AUTH = auto()  # answer it with already_authenticated
    COUNT = auto()  # count a wrong token; the last one closes
    CLOSE_LATE = auto()
    REST = auto()  # nothing to do


S, I, V = State, Input, Verb  # noqa: E741  (so that a row of the table is a line)
TABLE: dict[tuple[State, Input], tuple[State, Verb]] = {
    (S.STRANGER, I.AUTH): (S.CHECKING, V.RUN),
    (S.STRANGER, I.PUBLIC): (S.STRANGER, V.RUN),
    (S.STRANGER, I.PRIVATE): (S.STRANGER, V.DEMAND_AUTH),
    (S.STRANGER, I.LATE): (S.CLOSED, V.CLOSE_LATE),
    (S.STRANGER, I.OVER): (S.CLOSED, V.REST),
    (S.CHECKING, I.ACCEPTED): (S.READY, V.REST),
    (S.CHECKING, I.REFUSED): (S.STRANGER, V.COUNT),
    (S.CHECKING, I.UNDECIDED): (S.STRANGER, V.REST),
    (S.CHECKING, I.LATE): (S.CLOSED, V.CLOSE_LATE),
    (S.CHECKING, I.OVER): (S.CLOSED, V.REST),
    (S.READY, I.AUTH): (S.READY, V.REFUSE_AUTH),
    (S.READY, I.PUBLIC): (S.READY, V.RUN),
    (S.READY, I.PRIVATE): (S.READY, V.RUN),
    (S.READY, I.LATE): (S.READY, V.REST),
    (S.READY, I.OVER): (S.CLOSED, V.REST),
    (S.CLOSED, I.ACCEPTED): (S.CLOSED, V.REST),
    (S.CLOSED, I.REFUSED): (S.CLOSED, V.REST),
    (S.CLOSED, I.UNDECIDED): (S.CLOSED, V.REST),
    (S.CLOSED, I.LATE): (S.CLOSED, V.REST),
    (S.CLOSED, I.OVER): (S.CLOSED, V.REST),
}


# A name of the module costs a tenth of what Python 3.11 takes to look a member of an enum up.
READY, CLOSED, RUN = State.READY, State.CLOSED, Verb.RUN


# These two are made for each request, and not frozen: see protocol/lumina_protocol/frame.py.
@dataclass(slots=True)
class Waiting:
    """A request that has come; `kind` is AUTH, PUBLIC or PRIVATE."""

    request: RequestFrame
    kind: Input
    together: bool = False
    """Whether it may run while others that say so are under way."""


@dataclass(slots=True)
class Run:
    """Run this request, then say `finished`. Those before it have begun already."""

    request: RequestFrame


@dataclass(frozen=True, slots=True)
class Answer:
    """Send this error."""

    id: int | None
    error: ErrorBody


@dataclass(frozen=True, slots=True)
class Close:
    code: CloseCode
    reason: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Send a websocket ping."""


Action = Run | Answer | Close | Ping


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one connection."""

    requests_waiting: int
    requests_together: int
    requests_per_s: float
    requests_burst: int


class Session:
    """The state of one connection. Times are seconds of any clock that only grows."""

    __slots__ = ("alone", "auth_tries", "heard", "leaving", "limits", "pinged", "queue", "running",
                 "state", "tokens", "tokens_at", "user_id")  # fmt: skip

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.state = State.STRANGER
        self.user_id: UUID | None = None
        self.auth_tries = 0
        self.queue: deque[Waiting] | None = None  # most connections are idle: none is kept
        self.running = 0
        self.alone = False  # what is running must not have company
        self.tokens = float(limits.requests_burst)
        self.tokens_at = now
        self.heard = True
        self.pinged = False
        self.leaving = ""  # why; what has come is still answered, and what comes now is not begun

    @property
    def idle(self) -> bool:
        """Whether every request that has come is answered."""
        return not self.running and not self.queue

    @property
    def full(self) -> bool:
        """Whether reading should stop until some requests have run."""
        return self.queue is not None and len(self.queue) >= self.limits.requests_waiting

    def receive(self, waiting: Waiting, now: float) -> list[Action]:
        """A request came in."""
        if self.state is CLOSED or self.leaving:
            return []
        if not self._take_token(now):
            wait_ms = math.ceil(1000 / self.limits.requests_per_s) + 1  # floats are not exact
            refusal = RateLimited(retry_after_ms=wait_ms, limit="connection")
            return [Answer(waiting.request.id, refusal.body)]
        if self.queue or not self._may_start(waiting):
            if self.queue is None:
                self.queue = deque()
            self.queue.append(waiting)
            return []
        return self._start(waiting)

    def finished(self) -> list[Action]:
        """A running request is answered: those that waited for it may begin."""
        self.running -= 1
        actions: list[Action] = []
        while self.queue and self._may_start(self.queue[0]):
            actions += self._start(self.queue.popleft())
        if not self.queue:
            self.queue = None
        return actions

    def accepted(self, user_id: UUID) -> bool:
        """The token is this user's; false when the connection has ended meanwhile."""
        self._step(Input.ACCEPTED)
        if self.state is READY:
            self.user_id = user_id
        return self.state is READY

    def refused(self) -> list[Action]:
        """The token was wrong."""
        if self._step(Input.REFUSED) is not Verb.COUNT:
            return []
        self.auth_tries += 1
        if self.auth_tries < AUTH_TRIES:
            return []
        self.over()
        return [Close(CloseCode.AUTH_FAILED, f"{AUTH_TRIES} tokens were wrong; log in again")]

    def undecided(self) -> None:
        """The token could not be checked."""
        self._step(Input.UNDECIDED)

    def late(self) -> list[Action]:
        """The time to authenticate is over."""
        if self._step(Input.LATE) is not Verb.CLOSE_LATE:
            return []
        self.over()
        return [Close(CloseCode.AUTH_TIMEOUT, "no valid token came in time")]

    def over(self) -> None:
        """The connection has ended; what waits will not run."""
        self._step(Input.OVER)
        self.queue = None

    def beat(self) -> list[Action]:
        """A heartbeat interval has passed. Silent for one: ping. Silent for two: close."""
        if self.state is CLOSED:
            return []
        heard, self.heard = self.heard, False
        if heard:
            self.pinged = False
            return []
        if self.pinged:
            self.over()
            return [Close(CloseCode.HEARTBEAT_TIMEOUT, "no sign of life; reconnect")]
        self.pinged = True
        return [Ping()]

    def _may_start(self, waiting: Waiting) -> bool:
        if not self.running:
            return True
        return waiting.together and not self.alone and self.running < self.limits.requests_together

    def _start(self, waiting: Waiting) -> list[Action]:
        verb = self._step(waiting.kind)
        if verb is RUN:
            self.running += 1
            self.alone = not waiting.together
            return [Run(waiting.request)]
        match verb:
            case Verb.DEMAND_AUTH:
                return [_refusal(waiting.request, AuthRequired())]
            case Verb.REFUSE_AUTH:
                return [_refusal(waiting.request, AlreadyAuthenticated())]
        return []

    def _step(self, happened: Input) -> Verb:
        self.state, verb = TABLE[self.state, happened]
        return verb

    def _take_token(self, now: float) -> bool:
        """A token bucket (as in RFC 2697): refilled by the time since the last look."""
        limits = self.limits
        refill = (now - self.tokens_at) * limits.requests_per_s
        self.tokens = min(float(limits.requests_burst), self.tokens + refill)
        self.tokens_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def _refusal(request: RequestFrame, error: LuminaError) -> Answer:
    return Answer(request.id, error.body)
