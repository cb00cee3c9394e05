"""Opening a connection: hello, auth, ready; and ping."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from lumina_protocol.fields import Millis
from lumina_protocol.frame import Event, Reply, Request


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

    session_id: UUID
    user_id: UUID
    username: str
    time: Millis
    epoch: int
    """Another one than before: drop every cursor and cache, and fetch anew."""


class Authenticate(Request[Ready]):
    op = "auth"
    public = True

    token: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Pong(Reply):
    time: Millis


class Ping(Request[Pong]):
    """For clients that want to know the round trip or the server's clock."""

    op = "ping"
    public = True
