"""A few characters that a blurred picture is drawn from, until the picture is there.

The algorithm is that of https://github.com/woltapp/blurhash (Algorithm.md, MIT licence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
Colour = tuple[float, float, float]
"""Linear light: red, green, blue from 0 to 1."""
SIDE = 32
"""Pixels that a picture is made small to before: more change nothing that is seen."""


def encode(pixels: Sequence[tuple[int, int, int]], width: int, height: int) -> str:
    """Of sRGB pixels, row by row. 4 x 3 components, as many each way as its shape asks for."""
    across, down = (4, 3) if width >= height else (3, 4)
    light = [_linear(value) for value in range(256)]
    linear = [(light[r], light[g], light[b]) for r, g, b in pixels]
    waves_x = [_wave(i, width) for i in range(across)]
    waves_y = [_wave(j, height) for j in range(down)]
    average, *rest = (_factor(linear, x, y) for y in waves_y for x in waves_x)
    doubled = [(2 * red, 2 * green, 2 * blue) for red, green, blue in rest]
    return _written(average, doubled, across, down)


def _wave(component: int, length: int) -> list[float]:
    return [math.cos(math.pi * component * n / length) / length for n in range(length)]


def _factor(linear: list[Colour], wave_x: list[float], wave_y: list[float]) -> Colour:
    red = green = blue = 0.0
    at = 0
    for y in wave_y:
        for x in wave_x:
            weight = x * y
            colour = linear[at]
            red += weight * colour[0]
            green += weight * colour[1]
            blue += weight * colour[2]
            at += 1
    return red, green, blue


def _written(average: Colour, rest: list[Colour], across: int, down: int) -> str:
    largest = max(abs(value) for factor in rest for value in factor)
    step = max(0, min(82, math.floor(largest * 166 - 0.5)))
    most = (step + 1) / 166
    red, green, blue = (_srgb(value) for value in average)
    return "".join(
        (
            _base83(across - 1 + (down - 1) * 9, 1),
            _base83(step, 1),
            _base83((red << 16) + (green << 8) + blue, 4),
            *(_base83(_quantised(factor, most), 2) for factor in rest),
        )
    )


def _quantised(factor: Colour, most: float) -> int:
    red, green, blue = (
        max(0, min(18, math.floor(math.copysign(math.sqrt(abs(value / most)), value) * 9 + 9.5)))
        for value in factor
    )
    return (red * 19 + green) * 19 + blue


def _base83(value: int, length: int) -> str:
    return "".join(DIGITS[value // 83**place % 83] for place in reversed(range(length)))


def _linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _srgb(value: float) -> int:
    share = max(0.0, min(1.0, value))
    curved = share * 12.92 if share <= 0.0031308 else 1.055 * share ** (1 / 2.4) - 0.055
    return math.floor(curved * 255 + 0.5)
