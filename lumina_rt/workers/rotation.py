"""What `lumina keys rotate` does: everything that is under an older key, sealed anew.

A batch is read, and each value changed by a statement of its own, only if it is still what was
read: so no lock is held for longer than one row takes, nodes go on, and it may be stopped and
started again at any time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from lumina_protocol.fields import email_key

from lumina_rt.keyring import Keyring, Tampered, UnknownKey
from lumina_rt.store.db import Db
from lumina_rt.store.queries import Query, query

COUNT = query("keys.count")
BATCH = 200
TOGETHER = 4
"""Values of a batch that are changed at once; each is a commit of its own."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values. Its rows are known by a UUID, or by a digest."""

    column: str
    read: Query
    change: Query
    by_digest: bool = False
    compared: Callable[[str], str] | None = None
    """Makes the form of which there is a blind index beside it."""

    @property
    def row_param(self) -> str:
        return "token_digest" if self.by_digest else "row_id"

    def after(self, row: UUID | bytes | None) -> dict[str, object]:
        if self.by_digest:
            return {"after_digest": row or b""}
        return {"after_id": row or UUID(int=0)}


PLACES = (
    Place("users.email", query("keys.emails_from"), query("keys.emails_to"), compared=email_key),
    Place(
        "devices.push_token",
        query("keys.push_tokens_from"),
        query("keys.push_tokens_to"),
        compared=str,
    ),
    Place("user_totp.secret", query("keys.secrets_from"), query("keys.secrets_to")),
    Place(
        "account_tokens.email", query("keys.pending_from"), query("keys.pending_to"), by_digest=True
    ),
    Place("mails.recipient", query("keys.recipients_from"), query("keys.recipients_to")),
    Place("mails.body", query("keys.bodies_from"), query("keys.bodies_to")),
)


@dataclass(slots=True)
class Done:
    """Of one place: how many values were found, changed, and could not be opened."""

    found: int = 0
    changed: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    """By the sentence that says why."""


async def rotate(db: Db, keyring: Keyring, place: Place, tell: Callable[[Done], None]) -> Done:
    """Once through a column, in the order of its rows; `tell` after each batch.

    Raises Unavailable when Postgres is away.
    """
    done, row, full = Done(), None, True
    while full:
        async with db.read() as tx:
            batch = await tx.all(
                place.read, **place.after(row), head=keyring.first.head, batch=BATCH
            )
        pending = iter([(found["row_key"], found["sealed"]) for found in batch])
        change = partial(_change_all, db, keyring, place, pending, done)
        await asyncio.gather(*(change() for _ in range(TOGETHER)))
        done.found += len(batch)
        tell(done)
        full = len(batch) == BATCH
        row = batch[-1]["row_key"] if batch else row
    return done


async def _change_all(
    db: Db,
    keyring: Keyring,
    place: Place,
    pending: Iterator[tuple[UUID | bytes, bytes]],
    done: Done,
) -> None:
    """One of those that share the batch."""
    for row, was in pending:
        await _change(db, keyring, place, row, was, done)


async def _change(
    db: Db, keyring: Keyring, place: Place, row: UUID | bytes, was: bytes, done: Done
) -> None:
    try:
        value = keyring.open(was, place.column, row)
    except (UnknownKey, Tampered) as problem:
        done.problems[str(problem)] += 1
        return
    values: dict[str, object] = {place.row_param: row, "was": was}
    values["sealed"] = keyring.seal(value, place.column, row)
    if place.compared:
        values["index"] = keyring.index(place.compared(value))
    async with db.tx() as tx:
        await tx.run(place.change, **values)
    done.changed += 1


async def count(db: Db) -> dict[str, dict[bytes, int]]:
    """How many values each place has under each key, by the head of the key."""
    counted: dict[str, dict[bytes, int]] = {place.column: {} for place in PLACES}
    async with db.read() as tx:
        for row in await tx.all(COUNT):
            counted[row["place"]][row["head"]] = row["sealed"]
    return counted
