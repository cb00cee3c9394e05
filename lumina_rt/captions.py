"""Hashtags and names in what people write, in any script.

Hashtags are those of UAX #31 "Unicode Identifiers and Syntax", UAX31-R8, without its emoji: `#`, or
one of its wide forms, and characters of XID_Continue, with joiners between them, where no such
character stands before it. One without a letter ("#1") is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from lumina_protocol.fields import username_key

MAX_HASHTAGS = 30
MAX_NAMES = 50
MAX_LENGTH = 100
"""Characters of a hashtag; a longer one is none."""
SHORTEST, LONGEST = 3, 30
"""Characters of a username."""

MARKERS = "#\ufe5f\uff03"
AT = "@\ufe6b\uff20"
JOINERS = "\u200c\u200d"
URL = re.compile(r"https?://\S+", re.IGNORECASE)
# Default_Ignorable_Code_Point as far as XID_Continue has them, and the joiners: NFKC_Casefold of
# the Unicode Standard, section 3.13, drops them.
IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")  # fmt: skip  # noqa: E501


def hashtags(text: str) -> dict[str, str]:
    """The hashtags of a text, in their order, each once: as it is compared (NFKC, case folded), and
    as it is written first. At most MAX_HASHTAGS."""
    found: dict[str, str] = {}
    for tag in _marked(text, MARKERS, _continues, JOINERS):
        name = tag_key(tag)
        if len(tag) <= MAX_LENGTH >= len(name) and any(map(str.isalpha, name)):
            found.setdefault(name, tag)
        if len(found) == MAX_HASHTAGS:
            break
    return found


def tag_key(tag: str) -> str:
    """The form in which two hashtags are compared, without the mark before them."""
    return username_key(IGNORABLE.sub("", tag))


def names(text: str) -> list[str]:
    """The keys of the usernames that a text names by `@`, in their order, each once. A dot behind a
    name ends the sentence. At most MAX_NAMES."""
    found: dict[str, None] = {}
    for said in _marked(text, AT, _names, ""):
        name = unicodedata.normalize("NFKC", said.rstrip("."))
        if SHORTEST <= len(name) <= LONGEST:
            found.setdefault(username_key(name))
        if len(found) == MAX_NAMES:
            break
    return list(found)


def _continues(char: str) -> bool:
    """Whether it is in XID_Continue, which is what Python's own identifiers go on with."""
    return f"a{char}".isidentifier()


def _names(char: str) -> bool:
    return char.isalnum() or char in "_." or unicodedata.category(char) in ("Mn", "Mc")


def _marked(text: str, marks: str, goes_on: Callable[[str], bool], joiners: str) -> Iterator[str]:
    """What stands behind these marks, as far as it goes on; not in the middle of a word or of an
    address."""
    addresses = [match.span() for match in URL.finditer(text)]
    at = 0
    while at < len(text):
        start = at + 1
        inside = any(first < at < last for first, last in addresses)
        if text[at] in marks and not inside and not (at and _continues(text[at - 1])):
            end = start
            while end < len(text) and (goes_on(text[end]) or text[end] in joiners):
                end += 1
            if said := text[start:end].strip(joiners or None):
                yield said
            start = max(start, end)
        at = start
