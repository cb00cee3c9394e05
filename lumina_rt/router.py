"""From an operation's name to the function that does it, and from what it raises to a reply."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from lumina_protocol import REQUESTS
from lumina_protocol.codec import MSGPACK
from lumina_protocol.errors import (
    CodeNeeded,
    ErrorBody,
    Internal,
    Invalid,
    LuminaError,
    MissingScope,
    UnknownOp,
)
from lumina_protocol.frame import Event, EventFrame, Reply, Request, RequestFrame
from lumina_protocol.session import Ready
from pydantic import ValidationError

from lumina_rt.blobs.rules import MediaRules
from lumina_rt.blobs.store import Blobs
from lumina_rt.catch_up import CatchUp
from lumina_rt.credentials import Passwords
from lumina_rt.feeds import Feeds
from lumina_rt.hub import Receiver
from lumina_rt.keyring import Keyring
from lumina_rt.letters import Letters
from lumina_rt.limits import HOT, Limits, Who
from lumina_rt.lines import Lines
from lumina_rt.links import Links
from lumina_rt.presence import Presence
from lumina_rt.session import Input, Waiting
from lumina_rt.store.db import Db, Emitted, Tx
from lumina_rt.store.group_commit import Writers
from lumina_rt.telemetry import Telemetry
from lumina_rt.tokens import AccessTokens, RefreshTokens
from lumina_rt.trending import Trending
from lumina_rt.watching import Watching
from lumina_rt.writing import Writing


class Line(Receiver, Protocol):
    """The connection that asks, for the operations that tell more than their reply."""

    catch_up: CatchUp | None
    """While it is not level with the others of its node."""

    async def tell(self, event: Event | EventFrame) -> None:
        """Queue an event, and wait until the client has read most of what waits for it."""

    def settled(self) -> None:
        """Nothing comes any more that was told already."""

    def ends_at(self, moment: int) -> None:
        """The login is good until then, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a node offers its handlers."""

    db: Db
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    session_days: int
    """How long a login lasts that is not used."""
    delete_after_days: int
    """How long a deleted account can be restored."""
    sessions_ended: Callable[[], None]
    """To be called when logins have ended: their sockets are closed at once, on all nodes."""
    passwords: Passwords
    links: Links
    blobs: Blobs
    """Files of users."""
    media: MediaRules
    keyring: Keyring
    """Seals what Postgres is not to read."""
    letters: Letters
    writers: Writers
    hash_key: bytes
    """Keys the digests of what was sent, see sql/migrations/0001."""
    telemetry: Telemetry
    limits: Limits
    resumes: asyncio.Semaphore
    """Those who read what they have missed share it."""
    when_told: Callable[[str, Callable[[], None]], None]
    """Call when all before a transaction has passed the gate, see workers/tail.py."""
    covered: Callable[[Mapping[UUID, int]], None]
    """What a session has been told of streams need not be told again, see gate.py."""
    presence: Presence
    watching: Watching
    feeds: Feeds
    trending: Trending
    epoch: Callable[[], int]
    """Which history the database has, see workers/epoch.py."""
    uploaded: asyncio.Event = field(default_factory=asyncio.Event)
    """Wakes who processes uploads here."""
    writing: Writing = field(default_factory=Writing)
    """Who was told to be writing."""
    lines: Lines = field(default_factory=Lines)
    """Those who change the same conversation."""
    now: Callable[[], float] = time.time
    """Seconds since 1970."""


@dataclass(slots=True)
class Ctx:
    """What a handler may use: who asks, and the services of this node."""

    services: Services
    connection_id: UUID
    user: UUID | None = None
    session_id: UUID | None = None
    """The login; None for strangers."""
    scopes: frozenset[str] | None = None
    """What the token of a bot allows; None: it is a login, and may do all."""
    address: str = ""
    """Of the client: 192.0.2.1 or 2001:db8::1; see LUMINA_TRUSTED_PROXIES."""
    line: Line | None = None
    """None once the connection is lost, or where there is none."""

    def authenticated(self, ready: Ready) -> None:
        """From here on it is this user who asks."""
        self.user, self.session_id = ready.user_id, ready.session_id
        if ready.scopes is not None:
            self.scopes = frozenset(("", *ready.scopes))

    @property
    def user_id(self) -> UUID:
        """Who asks. Only strangers have none, and they get no further than public operations."""
        if self.user is None:
            raise LookupError("a private operation was run for a stranger")
        return self.user

    @property
    def login(self) -> UUID:
        """By which login. Strangers have none, likewise."""
        if self.session_id is None:
            raise LookupError("a private operation was run for a stranger")
        return self.session_id

    @property
    def db(self) -> Db:
        return self.services.db

    def whisper(self, event: Event, *, to: Iterable[UUID]) -> None:
        """Tell the live sessions of these users, on all nodes, what is not kept: it may be lost,
        and is dropped where much waits to be read."""
        self.db.publish([Emitted(tuple(to), MSGPACK.event(event))])

    def shows_changed(self, tx: Tx, *user_ids: UUID) -> None:
        """What these let others see of them, or what others let them see, may be different, once
        it is committed: whether they are online, and what is watched, see `Tx.sees_changed`."""
        tx.sees_changed(*user_ids)
        tx.after.append(partial(self.services.presence.changed, user_ids))

    def touched(self, tx: Tx, *subject_ids: UUID) -> None:
        """The state of these things is another once it is committed, see `Tx.touched`."""
        tx.touched(*subject_ids)

    def now_ms(self) -> int:
        return int(self.services.now() * 1000)


R = TypeVar("R", bound=Reply)
Q = TypeVar("Q", bound=Request[Any])
Handler = Callable[[Ctx, Q], Awaitable[Reply]]
HANDLERS: dict[str, Handler[Any]] = {}
AUTH, PUBLIC, PRIVATE = Input.AUTH, Input.PUBLIC, Input.PRIVATE
"""Names of the module, as in session.py."""
TOGETHER: set[str] = set()
"""Operations of which one connection may have several under way."""


def handles(
    model: type[Q], *, together: bool = False
) -> Callable[[Callable[[Ctx, Q], Awaitable[R]]], Handler[Q]]:
    """Make a function the handler of a request. Raises ValueError when there is one already.

    `together`: it may run while earlier ones that say so are under way. It must then keep their
    order itself: by no await before its place in an ordered line.
    """

    def register(handler: Callable[[Ctx, Q], Awaitable[R]]) -> Handler[Q]:
        if model.op in HANDLERS:
            raise ValueError(f"two handlers for {model.op}")
        HANDLERS[model.op] = handler
        if together:
            TOGETHER.add(model.op)
        return handler

    return register


def waiting(request: RequestFrame) -> Waiting:
    """What the session wants to know of a request. An unknown one is answered to anybody."""
    op = request.op
    if op == "auth":
        return Waiting(request, AUTH)
    model = REQUESTS.get(op)
    kind = PUBLIC if model is None or model.public else PRIVATE
    return Waiting(request, kind, op in TOGETHER)


async def dispatch(ctx: Ctx, request: RequestFrame) -> Reply | ErrorBody:
    """Validate, call, and turn what goes wrong into an error for the client. Never raises."""
    began = time.perf_counter()
    op, outcome = request.op if request.op in HANDLERS else "unknown", "ok"
    try:
        model = _validate(request)
        if ctx.scopes is not None and model.scope not in ctx.scopes:
            raise MissingScope(_missing(model.scope))
        if model.limited_as not in HOT:
            return await _counted(ctx, model)
        if ctx.user is not None:  # what a stranger does is bounded by connection
            ctx.services.limits.take(model.limited_as, ctx.user)
        return await HANDLERS[op](ctx, model)
    except LuminaError as error:
        outcome = error.body.code
        if error.__cause__ is not None:
            ctx.services.telemetry.request_refused(op, outcome, error.__cause__)
        return error.body
    except Exception:  # a fault of ours: the client gets an id to quote, the log the rest
        outcome, error_id = "internal", secrets.token_hex(4)
        ctx.services.telemetry.request_failed(op, error_id)
        return Internal(f"The server failed; its log has the cause under {error_id}.").body
    finally:
        ctx.services.telemetry.request_done(op, outcome, time.perf_counter() - began)


def _missing(scope: str | None) -> str:
    if scope is None:
        return "Only a login may do this, and no token of a bot."
    return f"The token of this connection lacks the scope {scope!r}; make one that has it."


async def _counted(ctx: Ctx, request: Request[Any]) -> Reply:
    """Ask Redis whether it may be done, and tell it what came of it."""
    limits, user = ctx.services.limits, str(ctx.user or "")
    account = request.account_tried() or user  # who is logged in may guess at their own as well
    who = Who(user, str(ctx.session_id or ""), ctx.address, account)
    charge = await limits.charge(request.limited_as, who)
    try:
        reply = await HANDLERS[request.op](ctx, request)
    except LuminaError as error:
        if error.body.temporary or error.body.code == CodeNeeded.code:  # the password was right
            await limits.no_fault(charge)
        raise
    await limits.succeeded(charge)
    return reply


def _validate(request: RequestFrame) -> Request[Any]:
    model = REQUESTS.get(request.op)
    if model is None:
        raise UnknownOp(f"There is no operation {request.op[:64]!r}; see protocol/README.md.")
    try:
        return model.model_validate(request.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:100]
        reason = first["msg"].removeprefix("Value error, ")[:200]
        raise Invalid(f"{field or 'body'}: {reason}", field=field or None) from None
