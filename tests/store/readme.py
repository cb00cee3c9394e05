"""sql/README.md as data, for the tests that compare it with the catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lumina_rt.store.queries import SQL

NAME = re.compile(r"`([a-z0-9_.]+)`")


@dataclass(frozen=True, slots=True)
class Table:
    """A row of the first table."""

    name: str
    key: list[str]
    shard_by: str | None
    parts: str
    app: str


def section(title: str) -> str:
    """The text under a heading, whatever its level, to the next of that level or above."""
    text = (SQL / "README.md").read_text("utf-8")
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"sql/README.md has no section {title!r}"
    rest = text[heading.end() :]
    following = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def tables() -> list[Table]:
    return [
        Table(name, key.split(", "), None if shard == "-" else shard, parts, app)
        for name, _, key, shard, parts, app in rows(section("Tables"))
    ]


def documented_columns() -> dict[str, list[str]]:
    """Each table's columns as the seed's sections and the list of new tables have them."""
    found = {
        name: NAME.findall(columns)
        for name, columns in rows(section("Tables that the seed's text needs and does not have"))
    }
    for title in re.findall(r"^### (\w+)$", section("From the seed"), re.MULTILINE):
        here = found.setdefault(title, [])
        for seed, now, _ in rows(section(title)):
            here += NAME.findall(seed if now == "same" else now)
    return found


def seed_columns(table: str) -> list[str]:
    return [name for seed, _, _ in rows(section(table)) for name in NAME.findall(seed)]


def unaudited() -> set[str]:
    return {name for names, _ in rows(section("Not audited")) for name in names.split(", ")}
