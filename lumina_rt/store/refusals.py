"""What Postgres refuses, as errors of the contract: the second fence behind the models.

A model that is right lets nothing through that a check would refuse; where one is not, the client
is told which column it was instead of "the server failed", and the log has the whole of it.
"""

from __future__ import annotations

from os.path import commonprefix

import asyncpg
from lumina_protocol.errors import Conflict, IdTime, Invalid, LuminaError, NotFound

UNBELIEVABLE_ID = "LR001"
"""Raised by refuse_unbelievable_id(), see sql/migrations/0004_partitions.sql."""
CHECK, NOT_NULL, REFERENCE, UNIQUE = "23514", "23502", "23503", "23505"
BAD_VALUE, UNSENT = "22", "22000"
"""The class of text with NUL, numbers out of range, impossible times, texts that are too long. Its
general code is asyncpg's own for an argument of a wrong type, which is a fault of ours."""


def refusal(error: asyncpg.PostgresError) -> LuminaError | None:
    """The error that the client gets, or None when it is a fault of ours."""
    state: str = error.sqlstate or ""
    if state == UNBELIEVABLE_ID:
        return IdTime(field=error.column_name)
    if state == REFERENCE:
        return NotFound("What this refers to is not there.")
    if state == UNIQUE:
        return Conflict("There is one already.")
    if state == CHECK:
        return _broken_rule(error.constraint_name or "", error.table_name or "")
    if state == NOT_NULL or (state.startswith(BAD_VALUE) and state != UNSENT):
        return _wrong(error.column_name)
    return None


def _broken_rule(name: str, table: str) -> Invalid:
    """Postgres calls the check of one column <table>_<column>_check, also in a partition; those of
    several columns have names that say what must hold, see sql/migrations."""
    if name.endswith("_check"):
        shared = commonprefix([name, table])  # noqa: RUF071 - they are names, not paths
        own = name.removeprefix(shared).strip("_")
        return _wrong(own.removesuffix("_check"))
    return Invalid(f"The store keeps this only if: {name.replace('_', ' ')}.")


def _wrong(field: str | None) -> Invalid:
    what = f"{field}: " if field else ""
    return Invalid(
        f"{what}the store cannot keep this value; see the limits in protocol/README.md.",
        field=field,
    )
