"""Tables that read like tables: who stands how, and what they must see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    row: str
    column: str
    says: str


def cells(table: str) -> Iterator[Cell]:
    """Raises ValueError where a row has another number of cells than the head."""
    head, *rows = [line.split() for line in table.strip().splitlines()]
    for name, *says in rows:
        for column, said in zip(head[1:], says, strict=True):
            yield Cell(name, column, said)


def rows(table: str) -> list[str]:
    return [line.split()[0] for line in table.strip().splitlines()[1:]]
