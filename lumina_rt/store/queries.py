"""Named statements: `query("messages.send")` is the one named `send` in sql/messages.sql.

Procrastinate and aiosql name their SQL in the same way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SQL = next(path for path in (PACKAGE / "sql", PACKAGE.parent / "sql") if path.is_dir())
"""Inside the package when it is installed, beside it in a checkout."""

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
# What may stand before a parameter must be read as a whole, so that a colon in it is none.
# The first alternative that matches wins; see PostgreSQL, "Lexical Structure".
TOKEN = re.compile(
    r"""
      \b[eE]'(?:\\.|''|[^'\\])*'      # a string with escapes
    | '(?:''|[^'])*'                  # a string
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ # a string in dollar quotes
    | "[^"]*"                         # a quoted name
    | --[^\n]* | /\*.*?\*/            # comments
    | ::                              # a cast
    | :(?P<param>[a-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with `$1, $2, ...` and the names that go there."""

    name: str
    text: str
    params: tuple[str, ...]

    def args(self, values: dict[str, object]) -> list[object]:
        """The values in the order of the parameters. Raises TypeError when they do not fit."""
        if len(values) != len(self.params):
            raise TypeError(f"{self.name} takes {self.params}, not {tuple(values)}")
        try:
            return [values[param] for param in self.params]
        except KeyError:
            raise TypeError(f"{self.name} takes {self.params}, not {tuple(values)}") from None


BOUND: dict[str, Query] = {}
"""The statements that code has asked for; a test compares them with those that exist."""


def query(name: str) -> Query:
    """Bind a statement when a module is imported: a wrong name stops the server from starting.

    Raises KeyError or FileNotFoundError.
    """
    domain, _, short = name.partition(".")
    return BOUND.setdefault(name, statements(domain)[short])


@cache
def statements(domain: str) -> dict[str, Query]:
    """All statements of sql/<domain>.sql by their short names. Raises ValueError for a double."""
    _, *parts = NAME.split((SQL / f"{domain}.sql").read_text("utf-8"))
    found: dict[str, Query] = {}
    for short, body in zip(parts[::2], parts[1::2], strict=True):
        if short in found:
            raise ValueError(f"sql/{domain}.sql has two statements named {short}")
        found[short] = parse(f"{domain}.{short}", body)
    return found


def parse(name: str, body: str) -> Query:
    """Number the `:params` of a statement, each name once."""
    params: list[str] = []

    def number(token: re.Match[str]) -> str:
        if (param := token["param"]) is None:
            return token[0]
        if param not in params:
            params.append(param)
        return f"${params.index(param) + 1}"

    text = TOKEN.sub(number, body).strip()
    return Query(name, text, tuple(params))
