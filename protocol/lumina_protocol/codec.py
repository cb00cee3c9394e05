"""Bytes <-> frames. Any bytes give a frame or a `Malformed`, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import msgpack
import orjson

from lumina_protocol.errors import ErrorBody
from lumina_protocol.frame import (
    MAX_REQUEST_ID,
    Body,
    ErrorFrame,
    Event,
    EventFrame,
    Frame,
    Kind,
    Reply,
    ReplyFrame,
    Request,
    RequestFrame,
)

MAX_DEPTH = 16
"""How deep arrays and maps may be nested; the deepest model needs five levels."""
NESTING = (dict, list)
"""What can have something in it, of what is decoded."""


class Malformed(ValueError):
    """The bytes are not a frame of this protocol: a fault of whoever sent them."""


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """One way to write frames. `subprotocol` is its name in `Sec-WebSocket-Protocol`."""

    subprotocol: str
    binary: bool
    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]

    def decode(self, data: bytes) -> Frame:
        """Raises Malformed."""
        try:
            value = self.unpack(data)
        except (ValueError, TypeError, RecursionError) as error:
            why = str(error) or type(error).__name__  # msgpack's own errors have no text
            raise Malformed(f"not {self.subprotocol.rpartition('.')[2]}: {why}") from None
        return to_frame(value)

    def request(self, request_id: int, request: Request[Any]) -> bytes:
        body = request.model_dump(exclude_none=True)
        return self.pack((Kind.REQUEST.value, request_id, request.op, body))

    def reply(self, request_id: int, reply: Reply) -> bytes:
        return self.pack((Kind.REPLY.value, request_id, reply.model_dump(exclude_none=True)))

    def error(self, request_id: int | None, body: ErrorBody) -> bytes:
        return self.pack((Kind.ERROR.value, request_id, body.model_dump(exclude_none=True)))

    def event(self, event: Event | EventFrame) -> bytes:
        """An EventFrame is passed on as it is."""
        body = event.body if isinstance(event, EventFrame) else event.model_dump(exclude_none=True)
        return self.pack((Kind.EVENT.value, event.type, body))


def to_frame(value: object) -> Frame:
    """The frame that a decoded value is. Raises Malformed."""
    if too_deep(value):
        raise Malformed(f"nested deeper than {MAX_DEPTH} levels")
    if not isinstance(value, list) or not value or type(value[0]) is not int:
        raise Malformed("not an array that begins with the kind of a frame")
    kind, *rest = value
    if frame := READ[kind](rest) if kind in READ else None:
        return frame
    raise Malformed("not a frame: see protocol/README.md for the four there are")


def _request(rest: list[Any]) -> Frame | None:
    match rest:
        case [id_, str(op), dict(body)] if is_id(id_):
            return RequestFrame(id_, op, body)
    return None


def _reply(rest: list[Any]) -> Frame | None:
    match rest:
        case [id_, dict(body)] if is_id(id_):
            return ReplyFrame(id_, body)
    return None


def _error(rest: list[Any]) -> Frame | None:
    match rest:
        case [id_, dict(body)] if id_ is None or is_id(id_):
            return ErrorFrame(id_, body)
    return None


def _event(rest: list[Any]) -> Frame | None:
    match rest:
        case [str(type_), dict(body)]:
            return EventFrame(type_, body)
    return None


READ: dict[int, Callable[[list[Any]], Frame | None]] = {
    Kind.REQUEST.value: _request,
    Kind.REPLY.value: _reply,
    Kind.ERROR.value: _error,
    Kind.EVENT.value: _event,
}
"""Frames by their kind, from what comes behind it. To look members of an enum up, once for each
pattern, takes as long as the rest."""


def is_id(value: object) -> bool:
    return type(value) is int and 0 < value <= MAX_REQUEST_ID


def too_deep(value: object) -> bool:
    """Walks level by level, so that a deep value costs no Python stack."""
    level = [value] if type(value) in NESTING else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)  # type: ignore[attr-defined]
            if type(child) in NESTING
        ]
    return bool(level)


def decode_body(data: bytes) -> Body:
    """The body of a request without its frame, as HTTP carries it: JSON, and as strict as in the
    frame. Raises Malformed."""
    try:
        value = JSON.unpack(data)
    except ValueError as error:
        raise Malformed(f"not json: {error}") from None
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return cast("RequestFrame", to_frame([Kind.REQUEST.value, 1, "", value])).body


def transcode(payload: bytes) -> bytes:
    """A MessagePack payload as JSON. On this wire every 16-byte `bin` is a UUID."""
    return _pack_json(MSGPACK.unpack(payload))


def _pack_json(value: Any) -> bytes:
    return orjson.dumps(value, default=_uuid_text)


def _uuid_text(value: object) -> str:
    if isinstance(value, UUID):  # a driver's subclass, which orjson does not know
        return str(value)
    if isinstance(value, bytes) and len(value) == 16:
        return str(UUID(bytes=value))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _uuid_bytes(value: object) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    raise TypeError(f"{type(value).__name__} has no MessagePack form")


def _unpack_msgpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=True, timestamp=0)


def _pack_msgpack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, default=_uuid_bytes)
    return packed


MSGPACK = Codec("lumina.v1.msgpack", True, _pack_msgpack, _unpack_msgpack)
JSON = Codec("lumina.v1.json", False, _pack_json, orjson.loads)
CODECS = {codec.subprotocol: codec for codec in (MSGPACK, JSON)}
