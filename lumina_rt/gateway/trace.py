"""What this node knows of users' live sessions, for `lumina trace`. Nothing is recorded for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from lumina_rt.gateway.connection import Connection
from lumina_rt.gateway.gateway import Gateway

Told = dict[str, object]


def sessions_of(gateway: Gateway, users: Iterable[UUID]) -> list[Told]:
    return [
        {"user_id": str(user_id), **_told(receiver)}
        for user_id in users
        for receiver in gateway.hub.sessions.get(user_id.bytes, ())
        if isinstance(receiver, Connection)
    ]


def _told(connection: Connection) -> Mapping[str, object]:
    """Bytes; times in milliseconds. The id of a connection is made when it opens, and says when."""
    connection_id, session = connection.ctx.connection_id, connection.session
    waiting = sum(map(len, connection.outbox)) + connection.transport.get_write_buffer_size()
    # The session knows in which interval between two heartbeats it was last heard, and no more.
    intervals = 1 if session.heard else 3 if session.pinged else 2
    return {
        "connection_id": str(connection_id),
        "connected_at": connection_id.int >> 80,
        "waiting_bytes": waiting,
        "heard_within_s": intervals * connection.gateway.settings.heartbeat_s,
    }
