"""Bytes <-> frames: any bytes give a frame or Malformed, and what is written can be read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from uuid import UUID

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.codec import CODECS, JSON, MAX_DEPTH, MSGPACK, Codec, Malformed, transcode
from lumina_protocol.fields import uuid7
from lumina_protocol.frame import (
    MAX_REQUEST_ID,
    ErrorFrame,
    Event,
    EventFrame,
    Frame,
    RequestFrame,
)
from lumina_protocol.messages import (
    Message,
    MessageCreated,
    MessageSent,
)
from lumina_protocol.session import Ping

from tests.protocol.people_strategies import SEQS, TEXT
from tests.protocol.strategies import IDS, NAMES, REQUEST_STRATEGIES
from tests.protocol.vectors import VECTORS

each_codec = pytest.mark.parametrize("codec", list(CODECS.values()), ids=list(CODECS))
# The machine may be busy.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
thoroughly = settings(patiently, max_examples=300)


def valid(data: bytes, codec: Codec) -> Frame | None:
    """Decode; a frame must keep what the type says. Any error but Malformed fails the test."""
    try:
        frame = codec.decode(data)
    except Malformed:
        return None
    assert type(frame.body) is dict
    if isinstance(frame, EventFrame):
        assert type(frame.type) is str
        return frame
    if frame.id is None:
        assert isinstance(frame, ErrorFrame)
    else:
        assert type(frame.id) is int
        assert 1 <= frame.id <= MAX_REQUEST_ID
    assert not isinstance(frame, RequestFrame) or type(frame.op) is str
    return frame


@each_codec
@thoroughly
@given(data=st.binary(max_size=200))
def test_any_bytes(codec: Codec, data: bytes) -> None:
    valid(data, codec)


EXT = st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=20))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
MSGPACK_LEAVES = LEAVES | st.binary(max_size=20) | EXT


def values(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[Any]) -> Any:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=20,
    )


def near_frames(inner: st.SearchStrategy[Any]) -> Any:
    """Arrays that are frames, or fail to be by one element."""
    kinds = st.sampled_from([0, 1, 2, 3, 4, 5, True, 1.0, None])
    return st.tuples(kinds, st.lists(inner | IDS | st.just({}) | NAMES, max_size=4)).map(
        lambda pair: [pair[0], *pair[1]]
    )


MSGPACK_VALUES = values(MSGPACK_LEAVES, st.text("ab\0é", max_size=3) | st.integers() | st.binary())
JSON_VALUES = values(LEAVES, st.text(max_size=3))


@thoroughly
@given(near_frames(MSGPACK_VALUES) | MSGPACK_VALUES)
def test_any_msgpack(value: object) -> None:
    try:
        data = msgpack.packb(value)
    except OverflowError:  # a key beyond 64 bits has no form
        return
    valid(data, MSGPACK)


@thoroughly
@given(near_frames(JSON_VALUES) | JSON_VALUES)
def test_any_json(value: object) -> None:
    valid(json.dumps(value).encode(), JSON)


@st.composite
def mutated(draw: st.DrawFn, codec: Codec) -> bytes:
    """A good frame with some bytes changed, put in, taken out, or another's end."""
    data = bytearray(draw(st.sampled_from(VECTORS)).data(codec))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "insert", "delete", "cut", "splice"])):
            case "change":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "delete":
                del data[at : at + draw(st.integers(1, 8))]
            case "cut":
                del data[at:]
            case "splice":
                other = draw(st.sampled_from(VECTORS)).data(codec)
                data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


@each_codec
@thoroughly
@given(data=st.data())
def test_mutated_frames(codec: Codec, data: st.DataObject) -> None:
    valid(data.draw(mutated(codec)), codec)


def arrays(inner: Any) -> Any:
    return [inner]


def maps(inner: Any) -> Any:
    return {"a": inner}


def nested(levels: int, *wraps: Callable[[Any], Any]) -> Any:
    """A request whose arrays and maps are `levels` deep: the frame, its body, and what is in it."""
    value: Any = 0
    for level in range(levels - 2):
        value = wraps[level % len(wraps)](value)
    return [1, 1, "ping", {"x": value}]


def pack(codec: Codec, value: Any) -> bytes:
    data: bytes = msgpack.packb(value) if codec is MSGPACK else json.dumps(value).encode()
    return data


@each_codec
@pytest.mark.parametrize("wraps", [(arrays,), (maps,), (arrays, maps)])
def test_depth_is_exact_at_its_border(codec: Codec, wraps: tuple[Any, ...]) -> None:
    good = nested(MAX_DEPTH, *wraps)
    assert codec.decode(pack(codec, good)) == RequestFrame(1, "ping", good[3])
    with pytest.raises(Malformed, match="deeper than 16"):
        codec.decode(pack(codec, nested(MAX_DEPTH + 1, *wraps)))


@each_codec
def test_depth_is_found_behind_width(codec: Codec) -> None:
    deep = nested(MAX_DEPTH, arrays)[3]["x"]
    with pytest.raises(Malformed, match="deeper than 16"):
        codec.decode(pack(codec, [1, 1, "ping", {"x": [0, {}, [], [deep], 1]}]))


def work(value: Any) -> int:
    """How many Python functions a decoding calls."""
    data, calls = msgpack.packb(value), 0

    def count(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        MSGPACK.decode(data)
    finally:
        sys.setprofile(before)
    return calls


def test_a_wide_array_of_numbers_costs_no_more_than_a_narrow_one() -> None:
    assert work([1, 1, "ping", {"x": [7] * 50_000}]) == work([1, 1, "ping", {"x": [7]}])


def steps(value: Any) -> int:
    """How many instructions of Python a decoding takes."""
    data, taken = msgpack.packb(value), 0

    def step(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        MSGPACK.decode(data)
    finally:
        sys.settrace(before)
    return taken


def test_wide_arrays_of_arrays_cost_by_their_number() -> None:
    """And not, for example, by its square, or once for each level."""
    few, many = (steps([1, 1, "ping", {"x": [[]] * width}]) for width in (1000, 10_000))
    assert few > 1000
    assert many < 11 * few < 400_000


def test_every_request_has_a_strategy() -> None:
    assert set(REQUEST_STRATEGIES) == set(REQUESTS)


@each_codec
@pytest.mark.parametrize("op", REQUEST_STRATEGIES)
@patiently
@given(data=st.data(), id_=IDS)
def test_requests_come_back(codec: Codec, op: str, data: st.DataObject, id_: int) -> None:
    request = data.draw(REQUEST_STRATEGIES[op])
    frame = codec.decode(codec.request(id_, request))
    assert isinstance(frame, RequestFrame)
    assert (frame.id, frame.op) == (id_, op)
    assert None not in frame.body.values()
    assert REQUESTS[op].model_validate(frame.body) == request


EVENT_VECTORS = [vector for vector in VECTORS if vector.subject in EVENTS]


@pytest.mark.parametrize("vector", EVENT_VECTORS, ids=[v.name for v in EVENT_VECTORS])
def test_transcode_is_what_the_json_codec_writes(vector: Any) -> None:
    event = vector.model(MSGPACK)
    assert isinstance(event, Event)
    assert transcode(MSGPACK.event(event)) == JSON.event(event)


@patiently
@given(st.uuids(), st.uuids(), st.uuids(), SEQS, TEXT)
def test_transcode_of_any_message(
    conversation: UUID, id_: UUID, sender: UUID, seq: int, content: str
) -> None:
    message = Message(
        conversation_id=conversation,
        message_id=id_,
        seq=seq,
        rev=seq,
        sender_id=sender,
        message_type="text",
        content=content,
        created_at=seq,
    )
    event = MessageCreated(message=message)
    assert transcode(MSGPACK.event(event)) == JSON.event(event)


def test_transcode_refuses_a_bin_that_is_no_uuid() -> None:
    with pytest.raises(TypeError, match="bytes"):
        transcode(msgpack.packb([4, "hello", {"x": b"15 bytes, truly"}]))


class DriversUUID(UUID):
    """As database drivers have it."""


@each_codec
def test_a_subclass_of_uuid_is_written_like_a_uuid(codec: Codec) -> None:
    id_ = uuid7()
    written = [
        codec.reply(1, MessageSent(message_id=kind(bytes=id_.bytes), seq=1, rev=1, created_at=1))
        for kind in (UUID, DriversUUID)
    ]
    assert written[0] == written[1]
    frame = codec.decode(written[0])
    assert frame.body["message_id"] == (id_.bytes if codec is MSGPACK else str(id_))


@each_codec
def test_the_largest_id_is_kept_exactly(codec: Codec) -> None:
    assert codec.decode(codec.request(MAX_REQUEST_ID, Ping())) == RequestFrame(
        2**53 - 1, "ping", {}
    )
