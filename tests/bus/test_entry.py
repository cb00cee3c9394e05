from __future__ import annotations

from typing import Any
from uuid import UUID

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumina_rt.bus.entry import VERSION, Delivery, Entry, UnreadableEntry, keys, pack, unpack

PLACES = st.none() | st.tuples(st.uuids(), st.integers(0, 2**63 - 1))
USERS = st.lists(st.uuids(), max_size=4).map(tuple)
KEYS = USERS.map(keys)
DELIVERIES = st.builds(Delivery, KEYS, st.binary(), PLACES, KEYS)
ENTRIES = st.builds(
    Entry,
    st.text(),
    st.integers(0, 2**63 - 1),
    st.lists(DELIVERIES, max_size=4),
    st.sampled_from([None, "probe", "joined"]),
    USERS,
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
    | st.binary() | st.binary(min_size=16, max_size=16) | st.text(min_size=16, max_size=16)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=8,
)
USER = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a1")
BLIND = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a3")
TALK = UUID("018f2f65-2a77-7b44-8b5c-0d2a4f5ce7a2")


@given(ENTRIES)
def test_what_is_packed_comes_out_as_it_was(entry: Entry) -> None:
    assert unpack(pack(entry)) == entry


def test_an_entry_is_small_and_looks_as_the_module_says() -> None:
    entry = Entry(
        "one#1", 7, [Delivery(keys([USER]), b"event", (TALK, 3), keys([BLIND]))], "joined", (TALK,)
    )
    assert msgpack.unpackb(pack(entry)) == [
        VERSION,
        "one#1",
        7,
        [[[USER.bytes], b"event", [TALK.bytes, 3], [BLIND.bytes]]],
        "joined",
        [TALK.bytes],
    ]


@given(st.binary())
@example(b"")
@example(b"\x91" * 2000)
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\x90\x90")
@example(b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff")
def test_any_bytes_are_an_entry_or_unreadable(data: bytes) -> None:
    check(data)


@given(st.integers(0, 5), VALUES)
def test_an_entry_with_anything_in_one_place_is_an_entry_or_unreadable(
    place: int, value: object
) -> None:
    parts: list[object] = [VERSION, "one", 1, [], None, []]
    parts[place] = value
    check(msgpack.packb(parts))


@given(VALUES)
@example([TALK.bytes, False])  # a bool is an int to isinstance and to match
def test_a_delivery_of_any_form_is_an_entry_or_unreadable(value: object) -> None:
    good = [[USER.bytes], b"event", [TALK.bytes, 3], [BLIND.bytes]]
    changed = [[*good[:part], value, *good[part + 1 :]] for part in range(4)]
    nested = [[*good[:part], [value], *good[part + 1 :]] for part in (0, 2, 3)]
    for delivery in (value, good[:3], *changed, *nested, [*good, value]):
        check(msgpack.packb([VERSION, "one", 1, [delivery], None, []]))


def check(data: bytes) -> None:
    """What is read has the types that it says, or the bus would stumble over it later."""
    try:
        entry = unpack(data)
    except UnreadableEntry as error:
        assert str(error)
        return
    assert type(entry.publisher) is str
    assert type(entry.counter) is int
    assert entry.control in (None, "probe", "joined")
    assert all(type(subject) is UUID for subject in entry.touched)
    for delivery in entry.deliveries:
        assert type(delivery.payload) is bytes
        assert all(type(key) is bytes and len(key) == 16 for key in (*delivery.to, *delivery.blind))
        assert delivery.place is None or [type(part) for part in delivery.place] == [UUID, int]
    assert unpack(pack(entry)) == entry


@pytest.mark.parametrize("version", [VERSION + 1, 0, -1, "1", None, True, [1]], ids=repr)
def test_another_version_is_unreadable_and_named(version: Any) -> None:
    data = msgpack.packb([version, "one", 1, [], None])
    with pytest.raises(UnreadableEntry) as refused:
        unpack(data)
    assert str(refused.value) == f"version {version!r}, this node reads {VERSION}"


def test_an_entry_of_a_later_version_with_more_parts_is_told_by_its_version() -> None:
    later = VERSION + 1
    with pytest.raises(UnreadableEntry, match=f"version {later}"):
        unpack(msgpack.packb([later, "one", 1, [], None, "more"]))
