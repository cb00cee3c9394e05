"""Hashtags and names in captions, in many scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_rt.captions import (
    MAX_HASHTAGS,
    MAX_LENGTH,
    MAX_NAMES,
    hashtags,
    names,
    tag_key,
)

TAGS = {
    "a #tag, and #Another.": ["tag", "another"],
    "#one#two": ["one"],
    "no#tag here": [],
    "(#in) '#quotes' -#dash .#dot": ["in", "quotes", "dash", "dot"],
    "##twice": ["twice"],
    "# alone #": [],
    "#snake_case #with-hyphen": ["snake_case", "with"],
    "#2026 #2026plans #1": ["2026plans"],
    "#Straße #STRASSE": ["strasse"],
    "#caf\u00e9 #cafe\u0301": ["caf\u00e9"],
    "\uff03\uff34\uff4f\uff4b\uff59\uff4f \ufe5fsmall": ["tokyo", "small"],
    "#\u6771\u4eac\u30bf\u30ef\u30fc": ["\u6771\u4eac\u30bf\u30ef\u30fc"],
    "\u4eca\u65e5\u306f #\u7d05\u8449 \u3067\u3059": ["\u7d05\u8449"],
    "#\ud55c\uad6d\uc5b4": ["\ud55c\uad6d\uc5b4"],
    "#\u041f\u0440\u0438\u0432\u0435\u0442": ["\u043f\u0440\u0438\u0432\u0435\u0442"],
    "#\u0395\u03bb\u03bb\u03ac\u03c2": ["\u03b5\u03bb\u03bb\u03ac\u03c3"],
    "#\u0645\u0631\u062d\u0628\u0627\u060c \u0643": ["\u0645\u0631\u062d\u0628\u0627"],
    "#\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": [
        "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"
    ],
    "#\u05e9\u05dc\u05d5\u05dd": ["\u05e9\u05dc\u05d5\u05dd"],
    "#\u0939\u093f\u0928\u094d\u0926\u0940": ["\u0939\u093f\u0928\u094d\u0926\u0940"],
    "#\u0ba4\u0bae\u0bbf\u0bb4\u0bcd": ["\u0ba4\u0bae\u0bbf\u0bb4\u0bcd"],
    "#\u0e44\u0e17\u0e22": ["\u0e44\u0e17\u0e22"],
    "#\u12a0\u121b\u122d\u129b": ["\u12a0\u121b\u122d\u129b"],
    "#\U00010330\U00010331": ["\U00010330\U00010331"],
    "#\u2764\ufe0f #\U0001f600 #\U0001f1f3\U0001f1f4": [],
    "#1\ufe0f\u20e3 #\ufe0f\u20e3": [],
    "#tea\U0001f375time": ["tea"],
    "https://example.com/#part #real": ["real"],
    "HTTP://x.y/a#b": [],
    "#" + "x" * MAX_LENGTH: ["x" * MAX_LENGTH],
    "#" + "x" * (MAX_LENGTH + 1): [],
    "#" + "\u00df" * (MAX_LENGTH // 2 + 1): [],
}
NAMES = {
    "hi @bob and @Carol.": ["bob", "carol"],
    "mail bob@example.com": [],
    "@bob @BOB": ["bob"],
    "\uff20bob": ["bob"],
    "@a.b_c, (@dave)": ["a.b_c", "dave"],
    "@ab @" + "x" * 31: [],
    "@\u0410\u043d\u043d\u0430!": ["\u0430\u043d\u043d\u0430"],
    "@\u0939\u093f\u0928\u094d\u0926\u0940": ["\u0939\u093f\u0928\u094d\u0926\u0940"],
    "https://example.com/@bob": [],
    "@bob...": ["bob"],
    "@": [],
}


@pytest.mark.parametrize(("text", "found"), TAGS.items())
def test_hashtags(text: str, found: list[str]) -> None:
    assert list(hashtags(text)) == found


@pytest.mark.parametrize(("text", "found"), NAMES.items())
def test_names(text: str, found: list[str]) -> None:
    assert names(text) == found


def test_a_tag_is_shown_as_it_was_written_first() -> None:
    assert hashtags("#Oslo #OSLO") == {"oslo": "Oslo"}


def test_there_are_at_most_so_many() -> None:
    assert len(hashtags(" ".join(f"#t{n}" for n in range(50)))) == MAX_HASHTAGS
    assert len(names(" ".join(f"@name{n}" for n in range(99)))) == MAX_NAMES


@given(st.text() | st.text("#\uff03@ab1.\u200c\u0301\u00df\ufe0f "))
def test_any_text_gives_tags_that_are_tags_of_themselves(text: str) -> None:
    for name, shown in hashtags(text).items():
        assert tag_key(name) == name == tag_key(shown)
        assert hashtags(f"so: #{shown}!") == {name: shown}
        assert len(name) <= MAX_LENGTH >= len(shown)
        assert shown in text
    for name in names(text):
        assert names(f"so: @{name}!") == [name]


@given(
    st.text("ab\u00e9\u4eac\u0430", min_size=1), st.sampled_from([" ", ".", "\n", "\u3002", "("])
)
def test_a_tag_is_found_wherever_it_stands(word: str, before: str) -> None:
    assert list(hashtags(f"x{before}#{word} y")) == [tag_key(word)]
    assert hashtags(f"x#{word}") == {}
