"""The shapes that cross the socket: frames, and the models that fill them.

A frame is an array, so that it stays small: its first element says what it is.

    [1, id, op, body]    REQUEST  client -> server
    [2, id, body]        REPLY    server -> client, answers the request with that id
    [3, id, error]       ERROR    server -> client, id is null when no request is meant
    [4, type, body]      EVENT    server -> client
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from lumina_protocol.fields import NewId, Seq

MAX_REQUEST_ID = 2**53 - 1  # the largest integer that JavaScript holds exactly
Body = Mapping[str, Any]


class Kind(IntEnum):
    REQUEST = 1
    REPLY = 2
    ERROR = 3
    EVENT = 4


# Frames are not frozen: each field of a frozen one would be set by a call. Nothing changes them.
@dataclass(slots=True)
class RequestFrame:
    id: int
    op: str
    body: Body


@dataclass(slots=True)
class ReplyFrame:
    id: int
    body: Body


@dataclass(slots=True)
class ErrorFrame:
    id: int | None
    body: Body


@dataclass(slots=True)
class EventFrame:
    type: str
    body: Body


Frame = RequestFrame | ReplyFrame | ErrorFrame | EventFrame


class Wire(BaseModel):
    """What a peer may meet in a newer version, it ignores."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Reply(Wire):
    """The answer to one request."""


class Event(Wire):
    """Something that happened, told without being asked."""

    type: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            EVENTS[cls.type] = cls


class PersonalEvent(Event):
    """One of the user's own stream, in which events are numbered 1, 2, 3 … without holes."""

    user_rev: Seq = 0


R = TypeVar("R", bound=Reply)


class Request(Wire, Generic[R]):
    """Something a client asks for: `class Ping(Request[Pong])` is answered with a `Pong`.

    A field that the server does not know is refused: a typing error in an optional
    field would otherwise be obeyed as if it had not been said. Nor is "5" taken for 5.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    op: ClassVar[str]
    reply: ClassVar[type[Reply]]
    public: ClassVar[bool] = False
    """Whether a connection may ask for it before it has authenticated."""
    scope: ClassVar[str | None] = None
    """What a bot's token must allow; "" is allowed to all, None to logins only."""
    over_http: ClassVar[bool] = True
    """Whether it makes sense without a connection."""
    retry_safe: ClassVar[bool] = True
    """Whether it may be sent again, with the same ids, when no answer came to the first."""
    keyed_by: ClassVar[str] = "op_id"
    """The field that is the key of a retry, of what is done once for each key."""
    limited_as: ClassVar[str] = "default"
    """The class of operations that it is counted with, see "Limits" in protocol/README.md."""

    def account_tried(self) -> str:
        """Whose account a stranger tries to get into by this, in the form in which two are
        compared; "" when it does not try that. Limits on guessing count by it."""
        return ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "op" in cls.__dict__:
            (parent,) = cls.__bases__
            assert issubclass(parent, BaseModel)
            (cls.reply,) = parent.__pydantic_generic_metadata__["args"]
            REQUESTS[cls.op] = cls


class Change(Request[R], Generic[R]):
    """Asks to change what is there. A retry with the same `op_id` gets the first answer; the
    server knows it for 30 days, and refuses older ones."""

    op_id: NewId


REQUESTS: dict[str, type[Request[Any]]] = {}
"""Every operation by its name; a module of operations adds to it when it is imported."""
EVENTS: dict[str, type[Event]] = {}
"""Every event by its type, likewise."""
