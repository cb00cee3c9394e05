"""Which names can be had, and who is told of a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import UsernameTaken
from lumina_protocol.lifecycle import AccountChanged, UserRenamed

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

LOCK_STREAMS = query("user_events.lock")
TAKEN = query("lifecycle.taken")
COMPANIONS = query("lifecycle.companions")

ERASED = "deleted_"
"""What the names of erased accounts begin with, and no other."""
MAX_TOLD = 5000
"""People who are told of a new name."""


def erased_name(user_id: UUID) -> str:
    """As sql/erasure.sql gives it."""
    return ERASED + user_id.hex[-12:]


async def refuse_taken(tx: Tx, user_id: UUID, key: str) -> None:
    """Raises UsernameTaken. To be asked by a statement of its own, after the name was written:
    whoever gives it up at this moment has committed by then, and what they hold is seen."""
    if key.startswith(ERASED) or (await tx.one(TAKEN, username_key=key, user_id=user_id))["taken"]:
        raise UsernameTaken(field="username")


async def lock_told(tx: Tx, user_id: UUID) -> None:
    """The streams of the user and of who shares a conversation, by one statement: before the name
    is changed, and before any other stream is locked."""
    rows = await tx.all(COMPANIONS, user_id=user_id, limit=MAX_TOLD)
    await tx.run(LOCK_STREAMS, user_ids=[user_id, *(row["user_id"] for row in rows)])


async def tell_renamed(tx: Tx, user_id: UUID, username: str) -> None:
    """The own devices, and who shares a conversation."""
    tx.tell(AccountChanged(user_id=user_id, username=username), to=[user_id])
    tx.touched(user_id)
    await tell_companions(tx, user_id, username)


async def tell_companions(tx: Tx, user_id: UUID, username: str) -> None:
    """In the transaction in which the name was changed, after it: who shares a conversation that
    another transaction is making now is waited for, since it refers to the user."""
    rows = await tx.all(COMPANIONS, user_id=user_id, limit=MAX_TOLD)
    if rows:
        renamed = UserRenamed(user_id=user_id, username=username)
        tx.tell(renamed, to=[row["user_id"] for row in rows])
