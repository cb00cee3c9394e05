"""Where in a text the words are that a search has found it by.

Says of a text what search_fold and search_words say (sql/migrations/0036_search.sql), with the
places of the words. What it does not see as they do is found all the same, and not marked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

MARKS = re.compile("[\u0300-\u036f]+")
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"
ALONE = re.compile(
    "[\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Characters of scripts that put no spaces between words."""


def highlights(content: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    """Ranges [start, end) of characters. A term that ends with * is the beginning of a word."""
    whole = {term for term in terms if not term.endswith("*")}
    begun = tuple(term[:-1] for term in terms if term.endswith("*"))
    return [
        (start, end)
        for word, start, end in words(content)
        if word in whole or (begun and word.startswith(begun))
    ]


def words(content: str) -> Iterator[tuple[str, int, int]]:
    """Each word in the form in which it is compared, and its range."""
    word, start = "", 0
    for place, char in enumerate(content):
        part = folded(char)
        joins = part is not None and not ALONE.match(part)
        if word and not joins:
            yield word, start, place
            word = ""
        if joins:
            start = start if word else place
            word += part or ""
        elif part:
            yield part, place, place + 1
    if word:
        yield word, start, len(content)


@lru_cache(8192)
def folded(char: str) -> str | None:
    """What is left of a character; "" of a mark on a letter; None when it is in no word."""
    if not (char.isalnum() or unicodedata.category(char).startswith("M")):
        return None
    bare = MARKS.sub("", unicodedata.normalize("NFKD", char))
    return (
        unicodedata.normalize("NFKC", bare)
        .lower()
        .replace("\N{GREEK SMALL LETTER FINAL SIGMA}", SIGMA)
    )
