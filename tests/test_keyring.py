from __future__ import annotations

import base64
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_rt.keyring import HEAD_BYTES, Key, Keyring, Tampered, UnknownKey, read_keys

OLD = Key("old", bytes(range(32)))
NEW = Key("new", bytes(range(100, 132)))
COLUMN = "users.email"
ROW = UUID("019bc119-0100-7a3e-9c41-5d0e6f7a8b90")
ADDRESS = "alice@example.com"


@given(st.text(), st.uuids() | st.binary(min_size=1, max_size=32))
def test_what_was_sealed_opens_in_its_place(value: str, row: UUID | bytes) -> None:
    ring = Keyring([OLD])
    assert ring.open(ring.seal(value, COLUMN, row), COLUMN, row) == value


def test_a_sealed_value_shows_nothing_and_is_never_the_same_twice() -> None:
    ring = Keyring([OLD])
    values = {ring.seal(ADDRESS, COLUMN, ROW) for _ in range(100)}
    assert len(values) == 100
    assert [value for value in values if b"alice" in value or OLD.secret in value] == []
    assert {value[:HEAD_BYTES] for value in values} == {OLD.head}


def test_in_another_row_or_column_it_does_not_open() -> None:
    ring = Keyring([OLD])
    sealed = ring.seal(ADDRESS, COLUMN, ROW)
    for column, row in ((COLUMN, uuid4()), ("devices.push_token", ROW), ("users.emai", ROW)):
        with pytest.raises(Tampered):
            ring.open(sealed, column, row)


def test_with_any_byte_changed_or_cut_off_it_does_not_open() -> None:
    ring = Keyring([OLD, NEW])
    sealed = ring.seal(ADDRESS, COLUMN, ROW)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        for value in (bytes(changed), sealed[:at]):
            with pytest.raises((Tampered, UnknownKey)):
                ring.open(value, COLUMN, ROW)
    with pytest.raises(Tampered):  # of a key that is in the ring, but not of this value
        ring.open(NEW.head + sealed[HEAD_BYTES:], COLUMN, ROW)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    before, during = Keyring([OLD]), Keyring([NEW, OLD])
    was, now = (ring.seal(ADDRESS, COLUMN, ROW) for ring in (before, during))
    assert [during.open(value, COLUMN, ROW) for value in (was, now)] == [ADDRESS] * 2
    assert [during.key_of(value).name for value in (was, now)] == ["old", "new"]
    with pytest.raises(UnknownKey, match=NEW.head[1:].hex()):
        before.open(now, COLUMN, ROW)


def test_the_index_is_of_the_value_and_the_key() -> None:
    before, during, after = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
    assert before.index(ADDRESS) == Keyring([OLD, NEW]).index(ADDRESS)
    assert before.index(ADDRESS) != before.index("bob@example.com")
    assert before.index(ADDRESS) != after.index(ADDRESS)
    assert {before.index(ADDRESS), after.index(ADDRESS)} == set(during.indexes(ADDRESS))
    assert during.indexes(ADDRESS) == Keyring([OLD, NEW]).indexes(ADDRESS)
    assert len(before.index(ADDRESS)) == 32


def test_a_key_under_another_name_is_the_same_key() -> None:
    sealed = Keyring([OLD]).seal(ADDRESS, COLUMN, ROW)
    renamed = Keyring([Key("first", OLD.secret)])
    assert renamed.open(sealed, COLUMN, ROW) == ADDRESS
    with pytest.raises(UnknownKey):
        Keyring([Key("old", NEW.secret)]).open(sealed, COLUMN, ROW)


def test_an_index_or_a_value_is_no_use_for_the_other() -> None:
    """One secret, and keys of their own made of it."""
    assert OLD.blind != OLD.secret
    with pytest.raises(Tampered):
        Keyring([OLD]).open(OLD.head + OLD.blind + bytes(16), COLUMN, ROW)


@pytest.mark.parametrize(
    "encoded",
    [
        OLD.secret.hex(),
        OLD.secret.hex().upper(),
        base64.b64encode(OLD.secret).decode(),
        base64.urlsafe_b64encode(OLD.secret).decode(),
        base64.b64encode(OLD.secret).decode().rstrip("="),
    ],
)
def test_keys_are_read_in_hex_and_base64(encoded: str) -> None:
    keys = read_keys(f"a-1:{encoded}, b_2:{NEW.secret.hex()}")
    assert [(key.name, key.secret) for key in keys] == [("a-1", OLD.secret), ("b_2", NEW.secret)]


def test_a_key_is_not_printed() -> None:
    shown = repr(OLD) + str(Keyring([OLD]).__dict__)
    assert "old" in shown
    assert [s for s in (OLD.secret, OLD.blind) if s.hex() in shown or repr(s) in shown] == []


def test_a_ring_without_a_key_is_none() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        Keyring([])
