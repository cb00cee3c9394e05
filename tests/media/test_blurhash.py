"""Blurhashes, compared with those of the reference (https://github.com/halcy/blurhash-python)."""

from __future__ import annotations

import random

import pytest

from lumina_rt.media import blurhash

RANDOM = random.Random(1)
NOISE = [tuple(RANDOM.randrange(256) for _ in range(3)) for _ in range(32 * 32)]


@pytest.mark.parametrize(
    ("width", "height", "pixels", "expected"),
    [
        (
            32,
            32,
            [(x * 8, y * 8, 128) for y in range(32) for x in range(32)],
            "LxH2cX2swxX8l}WDjte;gJfjfQfj",
        ),
        (
            16,
            32,
            [(255 - x * 15, y * 7, x * y % 256) for y in range(32) for x in range(16)],
            "T[Ip|}|=$1mTnljwf{fmfPnlo2jq",
        ),
        (8, 8, [(0, 0, 0)] * 64, "L00000fQfQfQfQfQfQfQfQfQfQfQ"),
        (8, 8, [(255, 255, 255)] * 64, "LfTSUA~qfQ~q~qt7fQt7fQfQfQfQ"),
        (32, 32, NOISE, "L6HLoA]spU?K?Aw5y4wJI{P1ngVy"),
    ],
)
def test_it_is_what_the_reference_makes(
    width: int, height: int, pixels: list[tuple[int, int, int]], expected: str
) -> None:
    assert blurhash.encode(pixels, width, height) == expected
