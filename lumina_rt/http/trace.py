"""GET /trace on the private port: has a change passed this node, and who is connected here?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler

MAX_USERS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """`?conversation=ID&rev=N&user=ID&user=ID`, at most MAX_USERS of them."""

    conversation_id: UUID
    rev: int
    users: Sequence[UUID]


Trace = Callable[[Asked], Mapping[str, object]]


def trace_handler(trace: Trace) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        try:
            asked = _asked(request)
        except (KeyError, ValueError) as error:
            why = f"?conversation=ID&rev=N and at most {MAX_USERS} &user=ID are needed: {error}"
            return web.json_response({"error": why}, status=400)
        return web.json_response(trace(asked))

    return handle


def _asked(request: web.Request) -> Asked:
    """Raises KeyError or ValueError."""
    query = request.query
    users = query.getall("user", [])
    if len(users) > MAX_USERS:
        raise ValueError(f"{len(users)} users")
    return Asked(UUID(query["conversation"]), int(query["rev"]), [UUID(user) for user in users])
