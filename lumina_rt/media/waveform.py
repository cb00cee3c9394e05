"""The peaks of a voice note, for its picture."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import IO

RATE = 8000
"""Samples in a second: speech, and nothing finer is seen."""
FEWEST, MOST = 64, 256
PER_S = 8
"""Peaks for each second, within FEWEST and MOST."""
CHUNK = RATE // 100
"""Samples of 10 ms: one peak each, of which those that are told are the highest."""


def peaks(sound: IO[bytes], most_samples: int) -> tuple[list[int], int]:
    """Of 16 bit little-endian mono at RATE: the peaks, and how many samples there are. Reads no
    more than `most_samples`, in pieces; all 0 when it is silent."""
    fine: list[int] = []
    samples = 0
    for piece in _pieces(sound, most_samples):
        samples += len(piece)
        fine += [
            max(map(abs, (max(part), min(part))))
            for part in (piece[at : at + CHUNK] for at in range(0, len(piece), CHUNK))
        ]
    return _scaled(_grouped(fine, samples)), samples


def _pieces(sound: IO[bytes], most_samples: int) -> Iterator[array[int]]:
    """Each a whole number of chunks, but for the last."""
    left, size = most_samples, CHUNK * 2 * 512
    while left > 0 and (data := _filled(sound, min(size, left * 2))):
        piece = array("h")
        piece.frombytes(data[: len(data) // 2 * 2])
        if sys.byteorder == "big":
            piece.byteswap()
        left -= len(piece)
        if piece:
            yield piece


def _filled(sound: IO[bytes], size: int) -> bytes:
    data = b""
    while len(data) < size and (more := sound.read(size - len(data))):
        data += more
    return data


def _grouped(fine: list[int], samples: int) -> list[int]:
    if not fine:
        return [0] * FEWEST
    count = max(FEWEST, min(MOST, samples * PER_S // RATE))
    edges = [len(fine) * n // count for n in range(count + 1)]
    return [max(fine[min(a, len(fine) - 1) : max(b, a + 1)]) for a, b in pairwise(edges)]


def _scaled(values: list[int]) -> list[int]:
    loudest = max(values)
    return [value * 255 // loudest for value in values] if loudest else values
