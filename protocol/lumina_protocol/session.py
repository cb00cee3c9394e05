"""Opening a connection: hello, auth, ready; and ping."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, Strict, StringConstraints

from lumina_protocol.fields import Id, Millis, Seq
from lumina_protocol.frame import Event, Reply, Request

MAX_CURSORS = 200
Cursor = tuple[Id, Seq]
"""A conversation, and a rev in it."""
Standing = tuple[Id, Seq, Seq]
"""A conversation, its newest rev, and the seq of its newest message."""


class Hello(Event):
    """The first thing a server says. Sizes in bytes, times in milliseconds."""

    type = "hello"

    server: str
    node: str
    time: Millis
    auth_timeout_ms: int
    heartbeat_ms: int
    max_frame: int
    max_frame_before_auth: int


class Ready(Reply):
    """From here on events of this user arrive, on this connection."""

    connection_id: UUID
    """Of this connection, for `lumina trace`."""
    session_id: UUID
    """The login."""
    user_id: UUID
    username: str
    time: Millis
    scopes: list[str] | None = None
    """What the token of a bot allows; a login may do all. Without `read` no events come."""
    role: str | None = None
    """"moderator" or "admin", of staff; a newer server may have others."""
    expires_at: Millis | None = None
    """When the connection ends with 4004, unless `account.refresh` was said on it before."""
    epoch: int
    """Another one than before: drop every cursor and cache, and fetch anew."""


class Authenticate(Request[Ready]):
    op = "auth"
    public = True
    over_http = False
    scope = ""

    token: Annotated[str, StringConstraints(min_length=1, max_length=2048)]
    resume: bool = False
    """Hold events back until `resume` has told what was missed."""


class Resumed(Reply):
    """All that was missed has been told; from here on events come as they happen."""

    epoch: int
    user_rev: Seq
    """How far the user's own stream is."""
    reset: bool = False
    """The own stream could not be told from where the client was: read `conversation.list` anew."""
    cursors: list[Standing]
    """Of the newest conversations, where each was when the resume began; what comes follows."""
    stale: list[UUID]
    """Conversations of which more was missed than is told at once: `conversation.sync` tells it."""


class Resume(Request[Resumed]):
    """Tells, as events, what was missed since the client was last connected.

    Only on a connection that has said so in `auth`, once. Without cursors it begins here and now.
    """

    op = "resume"
    over_http = False
    scope = "read"

    epoch: Seq | None = None
    """What `resume` said the last time."""
    user_rev: Seq | None = None
    """The newest event of its own stream that the client has had."""
    cursors: Annotated[list[Annotated[Cursor, Strict(False)]], Field(max_length=MAX_CURSORS)] = []
    """Of the conversations that it has, newest first, up to which rev it has had each."""


class Pong(Reply):
    time: Millis


class Ping(Request[Pong]):
    """For clients that want to know the round trip or the server's clock."""

    op = "ping"
    public = True
    scope = ""
