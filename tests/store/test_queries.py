from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_rt.store import queries
from lumina_rt.store.queries import Query, parse, query, statements


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for .sql files of the test's own, instead of sql/."""
    monkeypatch.setattr(queries, "SQL", tmp_path)
    statements.cache_clear()
    yield tmp_path
    statements.cache_clear()


def test_a_statement_is_found_by_the_name_above_it(folder: Path) -> None:
    (folder / "pets.sql").write_text(
        "-- About pets.\n\n-- name: find\nselect 1;\n\n"
        "-- name: feed_all\n-- Twice a day.\nselect 2;\n"
    )
    found = statements("pets")
    assert list(found) == ["find", "feed_all"]
    assert (found["find"].name, found["find"].text) == ("pets.find", "select 1;")
    assert found["feed_all"].text == "-- Twice a day.\nselect 2;"


def test_two_statements_of_one_name_in_a_file_are_refused(folder: Path) -> None:
    (folder / "pets.sql").write_text("-- name: find\nselect 1;\n-- name: find\nselect 2;\n")
    with pytest.raises(ValueError, match=r"pets\.sql has two statements named find"):
        statements("pets")


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> dict[str, Query]:
    """What this test binds, apart from what the server has bound."""
    own: dict[str, Query] = {}
    monkeypatch.setattr(queries, "BOUND", own)
    return own


def test_a_name_that_is_no_statement_is_refused_when_it_is_bound(bound: dict[str, Query]) -> None:
    for name, error in (
        ("messages.sent", KeyError),
        ("messages", KeyError),
        ("nosuch.send", FileNotFoundError),
    ):
        with pytest.raises(error):
            query(name)
    assert bound == {}, "a failed binding leaves nothing behind"


def test_a_statement_bound_twice_is_one_object(bound: dict[str, Query]) -> None:
    assert query("messages.send") is query("messages.send")
    assert list(bound) == ["messages.send"]


@pytest.mark.parametrize(
    ("body", "text", "params"),
    [
        ("select 1", "select 1", ()),
        ("select :a, :b, :a", "select $1, $2, $1", ("a", "b")),
        ("select :a::uuid, :b::int[]", "select $1::uuid, $2::int[]", ("a", "b")),
        ("select x::text, :a", "select x::text, $1", ("a",)),
        ("select ':a', :b", "select ':a', $1", ("b",)),
        ("select 'it''s :a', :b", "select 'it''s :a', $1", ("b",)),
        ("select E'it\\'s :a', :b", "select E'it\\'s :a', $1", ("b",)),
        ("select type'x\\', :b", "select type'x\\', $1", ("b",)),
        ('select ":a", ":""b", :c', 'select ":a", ":""b", $1', ("c",)),
        ("-- of :a\nselect :b -- or :c\n", "-- of :a\nselect $1 -- or :c", ("b",)),
        ("select /* :a\n'*/ :b", "select /* :a\n'*/ $1", ("b",)),
        ("select $$ :a ' $$, :b", "select $$ :a ' $$, $1", ("b",)),
        ("select $q$ :a $$ ' $q$, :b", "select $q$ :a $$ ' $q$, $1", ("b",)),
        ("where a >= :after_ms2 and b=:b", "where a >= $1 and b=$2", ("after_ms2", "b")),
        ("select array[:a,:b]", "select array[$1,$2]", ("a", "b")),
    ],
)
def test_parameters_are_numbered_where_they_are_parameters(
    body: str, text: str, params: tuple[str, ...]
) -> None:
    assert parse("t.t", body) == Query("t.t", text, params)


NAMES = st.sampled_from(["a", "b", "user_id", "limit2"])
FIXED = st.sampled_from(
    [
        "select ",
        " ",
        "\n",
        ", ",
        "x::text",
        "':a'",
        "'--'",
        '"q:b"',
        "-- :a '\n",
        "/* :b */",
        "12:30",
    ]
)


@given(st.lists(NAMES.map(lambda name: f":{name}") | FIXED))
def test_numbering_can_be_undone(parts: list[str]) -> None:
    """Putting the names back where the numbers are gives what was written."""
    body = "".join(f"{part} " for part in parts)
    parsed = parse("t.t", body)
    restored = re.sub(r"\$(\d+)", lambda n: f":{parsed.params[int(n[1]) - 1]}", parsed.text)
    assert restored == body.strip()
    assert list(parsed.params) == list(dict.fromkeys(p[1:] for p in parts if p[0] == ":"))


@given(
    st.lists(NAMES, unique=True).flatmap(
        lambda names: st.tuples(st.just(names), st.permutations(names))
    )
)
def test_arguments_go_where_their_names_are(names: tuple[list[str], list[str]]) -> None:
    written, given_in = names
    asked = parse("t.t", " ".join(f":{name}" for name in written))
    assert asked.args({name: f"value of {name}" for name in given_in}) == [
        f"value of {name}" for name in written
    ]


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}])
def test_arguments_that_do_not_fit_are_a_type_error_that_names_both(
    values: dict[str, object],
) -> None:
    with pytest.raises(TypeError) as refused:
        parse("pets.find", "select :a, :b").args(values)
    assert str(refused.value) == f"pets.find takes ('a', 'b'), not {tuple(values)}"


async def test_what_is_left_alone_means_the_same_to_postgres(pg: asyncpg.Connection) -> None:
    asked = parse(
        "t.t",
        "select ':a' || 'it''s :a' || E'\\':a' as text, /* :c */ '09:10'::time as \":t\", -- :d\n"
        "       $$:e$$ as dollars, :a::int + :b::int + :a::int as sum",
    )
    row = await pg.fetchrow(asked.text, *asked.args({"b": 1, "a": 20}))
    assert row is not None
    assert row["text"] == ":ait's :a':a"
    assert (row["dollars"], row["sum"], str(row[":t"])) == (":e", 41, "09:10:00")
