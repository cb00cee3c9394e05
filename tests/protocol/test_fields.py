"""The field types: what they let in, and what they make of it."""

from __future__ import annotations

import time
import unicodedata
from typing import Any
from uuid import RFC_4122, UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lumina_protocol.conversations import ListConversations
from lumina_protocol.fields import (
    Content,
    Email,
    FullName,
    NewId,
    Password,
    Seq,
    Username,
    email_key,
    username_key,
    uuid7,
)
from lumina_protocol.messages import ReadHistory
from pydantic import TypeAdapter, ValidationError

CONVERSATION = UUID("019bc119-4268-7e12-b3a9-0f1e2d3c4b5a")


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: object) -> str:
    """What the type says against the value."""
    with pytest.raises(ValidationError) as caught:
        read(kind, value)
    return str(caught.value.errors()[0]["msg"])


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("abc", "abc"),
        ("a" * 30, "a" * 30),
        ("Alice_01.b", "Alice_01.b"),
        ("ａｌｉｃｅ", "alice"),  # full width
        ("ﬁona", "fiona"),  # a ligature
        ("A\u030asa", "Åsa"),  # a letter and a combining ring
        ("Zoë", "Zoë"),
        ("李小龍", "李小龍"),
        ("x²y", "x2y"),
        ("\ufb03", "ffi"),  # one character that becomes three
    ],
)
def test_username_is_kept_as_nfkc_makes_it(given_: str, kept: str) -> None:
    assert read(Username, given_) == kept


@pytest.mark.parametrize("name", ["", "ab", "a" * 31, "a" * 61, "\ufdfa" * 2, "²²", "\ufb03" * 11])
def test_username_length_is_that_after_nfkc(name: str) -> None:
    assert "characters" in refused(Username, name)


@pytest.mark.parametrize(
    "name", ["a b c", "a-b-c", "a@b.c", "abc\n", "abc\0", "a\u200bbc", "a\u20ddbc", "😀😀😀"]
)
def test_username_characters(name: str) -> None:
    assert "may contain letters" in refused(Username, name)


@pytest.mark.parametrize("name", ["हिन्दी", "עִבְרִית", "abc\u0301x\u0301"])
def test_username_may_have_the_marks_of_its_script(name: str) -> None:
    assert read(Username, name)


@pytest.mark.parametrize(
    "names",
    [
        ("alice", "Alice", "ALICE", "ａｌｉｃｅ", "ＡＬＩＣＥ"),
        ("straße", "STRASSE", "Strasse", "STRAẞE"),
        ("fiona", "ﬁona", "FIONA"),
        ("åsa", "A\u030asa", "\u212bsa", "ÅSA"),  # composed, combining, the sign of the unit
        ("kelvin", "\u212aelvin"),  # the sign of the unit
        ("σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ"),  # sigma within and at the end
    ],
)
def test_names_that_are_the_same(names: tuple[str, ...]) -> None:
    assert len({username_key(name) for name in names}) == 1
    assert len({username_key(read(Username, name)) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "alice_"), ("alice", "al.ice"), ("alice", "a11ce"), ("zoe", "zoë")]
)
def test_names_that_are_not_the_same(one: str, other: str) -> None:
    assert username_key(one) != username_key(other)


@pytest.mark.parametrize("name", ["\u01f0an", "\u0390abc", "\u1f50abc", "ẞtraße", "ＡＢＣ"])
def test_keys_are_in_normal_form(name: str) -> None:
    """Case folding takes some letters apart, for example U+01F0 into j and a combining caron."""
    assert unicodedata.is_normalized("NFKC", username_key(name))


LETTERS = st.characters(categories=("Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl", "No"))


@settings(deadline=None)
@given(st.text(LETTERS | st.sampled_from("_."), max_size=30))
def test_every_spelling_of_a_name_has_one_key(name: str) -> None:
    key = username_key(name)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert username_key(unicodedata.normalize(form, name)) == key
    assert username_key(key) == username_key(name.casefold()) == key


@settings(deadline=None)
@given(st.text(max_size=70))
def test_a_username_that_is_taken_keeps_its_promises(text: str) -> None:
    try:
        name = read(Username, text)
    except ValidationError:
        return
    assert 3 <= len(name) <= 30
    assert unicodedata.is_normalized("NFKC", name)
    assert all(char.isalnum() or char in "_." for char in name)
    assert read(Username, name) == name


@pytest.mark.parametrize("kind", [Content, Password, FullName, Username])
@pytest.mark.parametrize("text", ["\0longenough", "long\0enough", "longenough\0"])
def test_nul_is_refused(kind: Any, text: str) -> None:
    assert read(kind, text.replace("\0", "")) == "longenough"
    assert refused(kind, text)


@pytest.mark.parametrize(
    ("kind", "least", "most"), [(Content, 1, 4000), (Password, 8, 1000), (FullName, 0, 100)]
)
@pytest.mark.parametrize("char", ["a", "é", "龍", "😀"])
def test_text_limits_count_characters(kind: Any, least: int, most: int, char: str) -> None:
    for size in (least, most):
        assert read(kind, char * size) == char * size
    assert refused(kind, char * (most + 1))
    if least:
        assert refused(kind, char * (least - 1))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
@settings(deadline=None)
def test_content_is_kept_as_it_is(text: str) -> None:
    assert read(Content, text) == text


@pytest.mark.parametrize("number", [0, 1, 2**53 - 1])
def test_seq_within(number: int) -> None:
    assert read(Seq, number) == number


@pytest.mark.parametrize("number", [-1, 2**53, 2**64, 1.5, "x", None])
def test_seq_beyond(number: object) -> None:
    assert refused(Seq, number)


@pytest.mark.parametrize(
    ("model", "body", "usual", "most"),
    [(ReadHistory, {"conversation_id": CONVERSATION}, 50, 200), (ListConversations, {}, 20, 40)],
)
def test_page_sizes(
    model: type[ReadHistory] | type[ListConversations],
    body: dict[str, object],
    usual: int,
    most: int,
) -> None:
    assert model.model_validate(body).limit == usual
    for limit in (1, most):
        assert model.model_validate({**body, "limit": limit}).limit == limit
    for wrong in (0, most + 1, -1, "5", True, 1.0):
        assert refused(model, {**body, "limit": wrong})


def test_history_goes_one_way() -> None:
    both = {"conversation_id": CONVERSATION, "after_seq": 1, "before_seq": 0}
    assert "not both" in refused(ReadHistory, both)
    around = {"conversation_id": CONVERSATION, "around_seq": 1}
    for other in ({"after_seq": 1}, {"before_seq": 1}, {"around_message_id": CONVERSATION}):
        assert "not both" in refused(ReadHistory, around | other)
    for wrong in ({"around_seq": -1}, {"around_seq": "1"}, {"around_message_id": 7}):
        assert refused(ReadHistory, {"conversation_id": CONVERSATION} | wrong)
    for one in ("after_seq", "before_seq", "around_seq"):
        page = ReadHistory.model_validate({"conversation_id": CONVERSATION, one: 0})
        assert getattr(page, one) == 0


@pytest.mark.parametrize("variant", "89ab")
def test_new_id_is_a_uuid7(variant: str) -> None:
    id_ = UUID(f"019bc119-5208-7d6a-{variant}e1b-a4c3f2e1d0b9")
    assert read(NewId, id_) == read(NewId, id_.bytes) == read(NewId, str(id_)) == id_


@pytest.mark.parametrize("version", "0123456 89abcdef".replace(" ", ""))
def test_other_versions_are_refused(version: str) -> None:
    id_ = UUID(f"019bc119-5208-{version}d6a-8e1b-a4c3f2e1d0b9")
    for form in (id_, id_.bytes, str(id_)):
        assert "version 7" in refused(NewId, form)


@pytest.mark.parametrize("variant", "01234567cdef")
def test_other_variants_are_refused(variant: str) -> None:
    id_ = UUID(f"019bc119-5208-7d6a-{variant}e1b-a4c3f2e1d0b9")
    for form in (id_, id_.bytes, str(id_)):
        assert refused(NewId, form)


@pytest.mark.parametrize(
    "value", [b"", b"15 bytes, truly", b"17 bytes, for sure", "x", 7, None, []]
)
def test_what_is_no_uuid_is_refused(value: object) -> None:
    assert refused(NewId, value)


def test_uuid7_is_of_now() -> None:
    before = time.time_ns() // 1_000_000
    id_ = uuid7()
    after = time.time_ns() // 1_000_000
    assert (id_.version, id_.variant) == (7, RFC_4122)
    assert before <= int.from_bytes(id_.bytes[:6], "big") <= after
    assert read(NewId, id_) == id_
    assert refused(NewId, uuid4())


def test_uuid7_sorts_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for ms in (0, 1, 255, 256, 65_536, 1_768_471_200_000, 1_768_471_200_001, 2**48 - 1):
        monkeypatch.setattr("lumina_protocol.fields.time.time_ns", lambda ms=ms: ms * 1_000_000)
        made.append(uuid7())
    monkeypatch.undo()
    assert made == sorted(made)
    assert [str(id_) for id_ in made] == sorted(str(id_) for id_ in made)


def test_uuid7_does_not_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not within one millisecond either."""
    monkeypatch.setattr("lumina_protocol.fields.time.time_ns", lambda: 1_768_471_200_000_000_000)
    made = {uuid7() for _ in range(10_000)}
    monkeypatch.undo()
    assert len(made) == 10_000


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice@EXAMPLE.com", "Alice@example.com"),
        ("a.b+tag@sub.example.co.uk", "a.b+tag@sub.example.co.uk"),
        ("o'brien!#$%&*/=?^_`{|}~-@example.com", "o'brien!#$%&*/=?^_`{|}~-@example.com"),
        ('"john doe"@example.com', '"john doe"@example.com'),
        ('"alice"@example.com', "alice@example.com"),  # the quotes are not needed
        ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
        ("alice@[IPv6:2001:db8::1]", "alice@[IPv6:2001:db8::1]"),
        ("用户@例子.世界", "用户@例子.世界"),
        ("alice@xn--fsqu00a.xn--0zwm56d", "alice@例子.测试"),
        ("dörte@sörensen.example.com", "dörte@sörensen.example.com"),
        ("do\u0308rte@example.com", "dörte@example.com"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_odd_but_valid_addresses_are_kept(given_: str, kept: str) -> None:
    assert read(Email, given_) == kept
    assert read(Email, kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "@example.com", "alice@", "alice@localhost", "a@b@example.com",
        "a b@example.com", "alice@example..com", ".alice@example.com", "alice@-example.com",
        "alice@exa_mple.com", "alice@example.com\n", "alice\0@example.com", "alice@[300.1.1.1]",
        "x" * 65 + "@example.com", "x" * 250 + "@example.com", "Alice <alice@example.com>",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_a_sentence(text: str) -> None:
    assert len(refused(Email, text)) < 300


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice@example.com", "alice@EXAMPLE.COM"),
        ("dörte@example.com", "DO\u0308RTE@example.com"),
        ("alice@例子.测试", "alice@xn--fsqu00a.xn--0zwm56d"),
        ('"alice"@example.com', "alice@example.com"),
    ],
)
def test_one_address_in_two_spellings_has_one_key(one: str, other: str) -> None:
    assert email_key(read(Email, one)) == email_key(read(Email, other))


def test_different_addresses_have_different_keys() -> None:
    texts = ["alice@example.com", "alice+x@example.com", "al.ice@example.com", "alice@example.org"]
    assert len({email_key(read(Email, text)) for text in texts}) == len(texts)
