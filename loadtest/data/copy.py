"""Rows into tables by COPY, in one transaction: what was cut off has left nothing.

Moments are ms since 1970 here: a datetime for each would cost more than all else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import asyncpg

Row = tuple[object, ...]
Tell = Callable[[str, int], None]
"""Gets the table and how many of its rows are on their way."""
TELL_EVERY = 8192
MS_TO_2000 = 946_684_800_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What one table got. `size` is pg_total_relation_size with partitions, in bytes."""

    table: str
    rows: int
    seconds: float
    size: int = 0


async def use_ms(conn: asyncpg.Connection) -> None:
    """Let timestamptz be written as int, in ms since 1970 in UTC."""
    await conn.set_type_codec(
        "timestamptz",
        encoder=lambda ms: ((ms - MS_TO_2000) * 1000,),
        decoder=lambda us: us[0] // 1000 + MS_TO_2000,
        schema="pg_catalog",
        format="tuple",
    )


async def copy(
    conn: asyncpg.Connection, table: str, columns: str, rows: Iterable[Row], tell: Tell
) -> Filled:
    """Within the caller's transaction. `columns` are names with spaces between.

    The table's own triggers are off meanwhile: they audit and count each row, which takes longer
    than all else (the generator writes the counters itself), open accounts and memberships that
    are copied too, and refuse the ids of old posts.
    """
    began, sent = time.monotonic(), _Sent(table, rows, tell)
    await conn.execute(f"alter table {table} disable trigger user")
    await conn.copy_records_to_table(table, records=iter(sent), columns=columns.split())
    await conn.execute(f"alter table {table} enable trigger user")
    tell(table, sent.count)
    return Filled(table, sent.count, time.monotonic() - began)


class _Sent:
    def __init__(self, table: str, rows: Iterable[Row], tell: Tell) -> None:
        self.table, self.rows, self.tell, self.count = table, rows, tell, 0

    def __iter__(self) -> Iterator[Row]:
        for row in self.rows:
            yield row
            self.count += 1
            if self.count % TELL_EVERY == 0:
                self.tell(self.table, self.count)
