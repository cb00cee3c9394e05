"""Every statement of sql/*.sql is right, is used, and is there once."""

from __future__ import annotations

import asyncpg

import lumina_rt.app
import lumina_rt.cli.keys
import lumina_rt.cli.media
import lumina_rt.cli.staff
import lumina_rt.cli.token
import lumina_rt.cli.trace
from lumina_rt.store.queries import BOUND, SQL, Query, statements

DOMAINS = sorted(path.stem for path in SQL.glob("*.sql"))
ALL = [query for domain in DOMAINS for query in statements(domain).values()]


def test_there_are_statements() -> None:
    assert {"accounts", "conversations", "messages", "nodes"} <= set(DOMAINS)
    assert len(ALL) >= 20


async def test_every_statement_prepares_with_as_many_parameters_as_it_names(
    pg: asyncpg.Connection,
) -> None:
    wrong = []
    for query in ALL:
        try:
            prepared = await pg.prepare(query.text)
        except asyncpg.PostgresError as error:
            wrong.append(f"{query.name}: {error}")
            continue
        if len(prepared.get_parameters()) != len(query.params):
            wrong.append(f"{query.name}: {prepared.get_parameters()} for {query.params}")
    assert wrong == []


def test_every_statement_is_used_by_code_and_code_uses_no_other() -> None:
    assert lumina_rt.app
    assert lumina_rt.cli.keys
    assert lumina_rt.cli.staff
    assert lumina_rt.cli.token
    assert lumina_rt.cli.trace
    assert {name.partition(".")[0] for name in BOUND} <= set(DOMAINS)
    assert sorted(BOUND) == sorted(query.name for query in ALL)


def test_no_statement_is_there_twice_under_different_names() -> None:
    by_text: dict[str, list[str]] = {}
    for query in ALL:
        by_text.setdefault(meaning(query), []).append(query.name)
    assert [names for names in by_text.values() if len(names) > 1] == []


def meaning(query: Query) -> str:
    """The statement without its comments and its layout."""
    lines = (line.partition("--")[0] for line in query.text.splitlines())
    return " ".join(" ".join(lines).split()).rstrip("; ")
