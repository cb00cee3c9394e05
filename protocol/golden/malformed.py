"""Bytes that are no frame. A decoder must refuse each of them, and must survive each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
from lumina_protocol.codec import MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Bad:
    name: str
    data: bytes
    why: str


def packed(name: str, value: Any, why: str) -> Bad:
    data: bytes = msgpack.packb(value)
    return Bad(name, data, why)


PING = [1, 1, "ping", {}]
PING_BYTES: bytes = msgpack.packb(PING)
EXT = msgpack.ExtType(1, b"\x00")
# Kind, id and op of a request, and a body with one key whose value follows.
HEAD = b"\x94\x01\x01\xa4ping\x81\xa1a"
JSON_HEAD = b'[1,1,"ping",{"a":'


def nested(levels: int) -> Any:
    """A ping whose arrays and maps are `levels` deep, the frame's own array included."""
    value: Any = []
    for _ in range(levels - 3):
        value = [value]
    return [1, 1, "ping", {"a": value}]


# What is wrong with the value, in either codec.
VALUES: list[tuple[str, Any, str]] = [
    ("map instead of array", {"op": "ping"}, "a frame is an array"),
    ("number instead of array", 1, "a frame is an array"),
    ("null", None, "a frame is an array"),
    ("empty array", [], "a frame begins with its kind"),
    ("kind 0", [0, 1, "ping", {}], "kinds are 1 to 4"),
    ("kind 5", [5, 1, "ping", {}], "kinds are 1 to 4"),
    ("kind true", [True, 1, "ping", {}], "true is not the integer 1"),
    ("kind 1.0", [1.0, 1, "ping", {}], "a float is not an integer"),
    ("kind as text", ["1", 1, "ping", {}], "the kind is an integer"),
    ("element missing", [1, 1, "ping"], "a request has four elements"),
    ("extra element", [1, 1, "ping", {}, 0], "a request has four elements"),
    ("extra element in a reply", [2, 1, {}, 0], "a reply has three elements"),
    ("extra element in an error", [3, 1, {}, 0], "an error has three elements"),
    ("extra element in an event", [4, "hello", {}, 0], "an event has three elements"),
    ("id 0", [1, 0, "ping", {}], "ids begin with 1"),
    ("id negative", [1, -1, "ping", {}], "ids begin with 1"),
    ("id 2**53", [1, 2**53, "ping", {}], "ids end with 2**53-1"),
    ("id true", [1, True, "ping", {}], "true is not the integer 1"),
    ("id 1.0", [1, 1.0, "ping", {}], "a float is not an integer"),
    ("id as text", [1, "1", "ping", {}], "the id is an integer"),
    ("id null in a request", [1, None, "ping", {}], "only an error may have the id null"),
    ("id null in a reply", [2, None, {}], "only an error may have the id null"),
    ("id 0 in an error", [3, 0, {}], "ids begin with 1"),
    ("id false in an error", [3, False, {}], "false is not an id, and not null"),
    ("op a number", [1, 1, 7, {}], "the operation is a string"),
    ("op null", [1, 1, None, {}], "the operation is a string"),
    ("event type a number", [4, 7, {}], "the type of an event is a string"),
    ("body an array", [1, 1, "ping", []], "the body is a map"),
    ("body null", [1, 1, "ping", None], "the body is a map, also when it is empty"),
    ("body text", [1, 1, "ping", "{}"], "the body is a map"),
    ("body of an error text", [3, 1, "not_found"], "the body is a map"),
    (f"{MAX_DEPTH + 1} levels", nested(MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
]

MSGPACK_ONLY = [
    Bad("nothing", b"", "an empty message"),
    Bad("garbage", b"\xc1\x00\xff", "0xc1 is never used in MessagePack"),
    Bad("truncated", PING_BYTES[:-1], "the body is missing"),
    Bad("truncated string", b"\x94\x01\x01\xdb\xff\xff\xff\xffping", "the length is a lie"),
    Bad("length of an array a lie", b"\xdd\xff\xff\xff\xff", "must not make anyone reserve memory"),
    Bad("trailing byte", PING_BYTES + b"\x00", "one message carries one frame"),
    Bad("two frames", PING_BYTES * 2, "one message carries one frame"),
    packed("integer keys", [1, 1, "ping", {1: 2}], "keys are strings"),
    packed("null as a key", [1, 1, "ping", {None: 2}], "keys are strings"),
    packed("op as bin", [1, 1, b"ping", {}], "the operation is a str, not a bin"),
    Bad("invalid UTF-8", HEAD + b"\xa2\xc3\x28", "a str holds UTF-8"),
    Bad("surrogate in UTF-8", HEAD + b"\xa3\xed\xa0\x80", "UTF-8 has no surrogates"),
    packed("ext instead of a frame", EXT, "extension types are not used"),
    packed("ext as kind", [EXT, 1, "ping", {}], "extension types are not used"),
    packed("ext as id", [1, EXT, "ping", {}], "extension types are not used"),
    packed("ext as body", [1, 1, "ping", EXT], "extension types are not used"),
    Bad("timestamp of three bytes", HEAD + b"\xc7\x03\xff\x00\x00\x00", "no such timestamp"),
    Bad("depth bomb", b"\x91" * 1200, "must not exhaust the stack"),
    Bad("depth bomb of maps", b"\x81\xa1a" * 1200, "must not exhaust the stack"),
    Bad("1,000 levels, complete", b"\x91" * 999 + b"\x90", f"at most {MAX_DEPTH} levels"),
]

JSON_ONLY = [
    Bad("nothing", b"", "an empty message"),
    Bad("garbage", b"\x00\x01\x02", "not JSON"),
    Bad("truncated", b'[1,1,"ping",{}', "the array does not end"),
    Bad("trailing byte", b'[1,1,"ping",{}]x', "one message carries one frame"),
    Bad("two frames", b'[1,1,"ping",{}]\n[1,2,"ping",{}]', "one message carries one frame"),
    Bad("byte order mark", b'\xef\xbb\xbf[1,1,"ping",{}]', "RFC 8259 section 8.1"),
    Bad("single quotes", b"[1,1,'ping',{}]", "not JSON"),
    Bad("trailing comma", b'[1,1,"ping",{},]', "not JSON"),
    Bad("NaN", JSON_HEAD + b"NaN}]", "not JSON"),
    Bad("integer keys", b'[1,1,"ping",{1:2}]', "keys are strings"),
    Bad("invalid UTF-8", JSON_HEAD + b'"\xc3\x28"}]', "JSON is UTF-8"),
    Bad("lone surrogate", JSON_HEAD + b'"\\ud800"}]', "no character has this code point"),
    Bad("deep JSON", b"[" * 1200, "must not exhaust the stack"),
    Bad("deep JSON, complete", b"[" * 1200 + b"]" * 1200, "must not exhaust the stack"),
    Bad("deep JSON of maps", b'{"a":' * 1200, "must not exhaust the stack"),
]
