"""What examples are made of: frames by name, with fixed ids and times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from lumina_protocol.codec import Codec
from lumina_protocol.errors import LuminaError
from lumina_protocol.frame import Event, Reply, Request

NOW = 1_768_471_200_000  # 2026-01-15T10:00:00Z
MINUTE = 60_000
# All UUIDv7 of that minute, as clients and servers make them.
ALICE = UUID("019bc119-0100-7a3e-9c41-5d0e6f7a8b90")
BOB = UUID("019bc119-0512-70b7-a1d4-3e2f1c0b9a88")
SESSION = UUID("019bc119-3a98-7c55-8f06-b2d19e4c7a31")
CONVERSATION = UUID("019bc119-4268-7e12-b3a9-0f1e2d3c4b5a")
OTHER_ID = UUID("019bc119-4a38-71f4-9d27-6c5b4a392817")
FIRST = UUID("019bc119-5208-7d6a-8e1b-a4c3f2e1d0b9")
SECOND = UUID("019bc119-59d8-7083-bc52-1928374655a4")
THIRD = UUID("019bc119-5dc0-7194-ad63-2a3948576b6c")
MEDIA = UUID("019bc119-5bcc-72a5-8e74-3b4a59687c7d")
POST = UUID("019bc119-1b58-73b6-9f85-4c5b6a798d8e")
EDIT = UUID("019bc119-61a8-7b3c-a4d5-e6f708192a3b")
CAROL = UUID("019bc119-0924-7f10-9a2b-5c6d7e8f9a01")
GROUP = UUID("019bc119-7148-7aa1-8f3c-2b4d6e8f0a12")
ADDITION = UUID("019bc119-7530-7c2d-9e4f-8a0b1c2d3e4f")
REMOVAL = UUID("019bc119-7918-7d3e-8f50-9b1c2d3e4f50")
DELETION = UUID("019bc119-6978-7e0f-8192-a3b4c5d6e7f8")
TOKEN = "an-opaque-token-from-account.login"  # noqa: S105  (opens nothing)
CONNECTION = UUID("019bc119-3a98-7d66-8a17-c3e2af5d8b42")


@dataclass(frozen=True, slots=True)
class Example:
    """A frame by name. The first word of the name is the operation, the event type or `error`."""

    name: str
    direction: str
    write: Callable[[Codec], bytes]

    @property
    def subject(self) -> str:
        return self.name.split(" ", 1)[0]


def asked(id_: int, request: Request[Any], detail: str = "") -> Example:
    name = f"{request.op} request{detail}"
    return Example(name, "client to server", lambda codec: codec.request(id_, request))


def answered(id_: int, op: str, reply: Reply, detail: str = "") -> Example:
    name = f"{op} reply{detail}"
    return Example(name, "server to client", lambda codec: codec.reply(id_, reply))


def told(event: Event, detail: str = "") -> Example:
    name = f"{event.type} event{detail}"
    return Example(name, "server to client", lambda codec: codec.event(event))


def refused(id_: int | None, error: LuminaError, detail: str) -> Example:
    name = f"error {detail}"
    return Example(name, "server to client", lambda codec: codec.error(id_, error.body))
