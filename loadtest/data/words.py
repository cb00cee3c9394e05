"""Text, put together from phrases that are made once: a million texts must cost little."""

from __future__ import annotations

import random
from functools import cache
from itertools import accumulate

SYLLABLES = [consonant + vowel for consonant in "bdfghjklmnprstvwz" for vowel in "aeiou"]
VOCABULARY = 4000
PHRASES = 8192


def vocabulary(seed: int) -> list[str]:
    """Distinct words, the most used first; those are also the shorter ones."""
    rng = random.Random(f"{seed}/words")
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        syllables = 1 if len(words) < 30 else 2 if len(words) < 800 else 3
        words["".join(rng.choices(SYLLABLES, k=syllables))] = None
    return list(words)


@cache
def phrases(seed: int) -> list[str]:
    """PHRASES of them, with 1 to 14 words, that follow Zipf's law."""
    rng = random.Random(f"{seed}/phrases")
    words = vocabulary(seed)
    sums = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    return [
        " ".join(rng.choices(words, cum_weights=sums, k=rng.choice((1, 2, 3, 4, 6, 9, 14))))
        for _ in range(PHRASES)
    ]


class Texts:
    """Two phrases for each draw of 26 bits."""

    def __init__(self, seed: int) -> None:
        self.phrases = phrases(seed)

    def __call__(self, bits: int) -> str:
        return f"{self.phrases[bits & 8191]} {self.phrases[bits >> 13 & 8191]}"
