"""Statements as Postgres' own parser reads them (pglast): which tables they touch, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind
from pglast.visitors import Visitor

from lumina_rt.store.queries import Query

EQUAL = {A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_OP_ANY, A_Expr_Kind.AEXPR_IN}


@dataclass(slots=True)
class Block:
    """One SELECT, INSERT, UPDATE or DELETE, with those inside it left to their own blocks."""

    kind: str
    tables: list[str] = field(default_factory=list)
    by: set[str] = field(default_factory=set)
    """Columns that are compared for equality, joined by, or inserted into."""


def blocks(query: Query) -> list[Block]:
    """All blocks of a statement. What a `with` defines is no table."""
    statement = parse_sql(query.text)
    defined = {cte.ctename for cte in _all(statement, ast.CommonTableExpr)}
    found = []
    for kind in (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt):
        found += [_block(node, defined) for node in _all(statement, kind)]
    return [block for block in found if block.tables]


def _block(node: Any, defined: set[str]) -> Block:
    block = Block(type(node).__name__.removesuffix("Stmt").lower())
    for inner in _own(node):
        match inner:
            case ast.RangeVar(relname=str(name)) if name not in defined:
                block.tables.append(name)
            case ast.A_Expr(name=(*_, ast.String(sval="="))) if inner.kind in EQUAL:
                block.by |= {*_columns(inner.lexpr), *_columns(inner.rexpr)}
            case ast.JoinExpr() if inner.usingClause:
                block.by |= {name.sval for name in inner.usingClause}
    if isinstance(node, ast.InsertStmt):
        block.by |= {column.name for column in node.cols or ()}
    return block


def _columns(side: Any) -> Iterator[str]:
    """Of a plain column, or of several in a row: `(a, b) = (c, d)`."""
    for part in (side.args or ()) if isinstance(side, ast.RowExpr) else (side,):
        match part:
            case ast.ColumnRef(fields=(*_, ast.String(sval=str(name)))):
                yield name


def _own(node: Any) -> Iterator[Any]:
    """The nodes below, not entering other blocks."""
    stop = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
    for child in _children(node):
        if not isinstance(child, stop):
            yield child
            yield from _own(child)


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        yield from node
    elif isinstance(node, ast.Node):
        for name in node:
            value = getattr(node, name)
            if isinstance(value, ast.Node | tuple):
                yield value


def _all(statement: Any, kind: type[ast.Node]) -> list[Any]:
    found: list[Any] = []

    def collect(self: Visitor, ancestors: Any, node: Any) -> None:
        found.append(node)

    type("Collect", (Visitor,), {f"visit_{kind.__name__}": collect})()(statement)
    return found
