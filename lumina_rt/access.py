"""Who may see and do what: the one place where permission is asked.

A hot write asks inside its statement, so that the answer belongs to the same commit
(sql/messages.sql, `send`); everything else asks here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Forbidden, NotFound, Suspended

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

MEMBERSHIP = query("conversations.membership")
STAFF = query("moderation.staff_role")


async def member(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> Row:
    """The counters (last_seq, last_rev) of a conversation that the user is a member of.

    Raises NotFound, for a stranger as for a conversation that does not exist.
    """
    row = await tx.maybe(MEMBERSHIP, user_id=user_id, conversation_id=conversation_id)
    if row is None:
        raise not_found()
    return row


def not_found() -> NotFound:
    return NotFound("There is no such conversation, or not for you.", field="conversation_id")


async def group_admin(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> Row:
    """The same, of a group whose members the user may choose. Raises NotFound, Forbidden."""
    row = await member(tx, user_id=user_id, conversation_id=conversation_id)
    if row["conversation_type"] != "group":
        raise Forbidden("A direct conversation is between two.", field="conversation_id")
    if row["role"] not in ("owner", "admin"):
        raise Forbidden("Only its owner and its admins do this.", field="conversation_id")
    return row


async def staff(tx: Tx, *, user_id: UUID) -> str:
    """The role of a moderator or an admin. Raises Forbidden for everybody else."""
    row = await tx.maybe(STAFF, user_id=user_id)
    if row is None:
        raise Forbidden("Only staff do this.")
    return str(row["staff_role"])


def refuse_suspended(user: Row) -> None:
    """Of a row that has both columns. Raises Suspended, which says until when and why."""
    if user["suspended_until"] is not None:
        why = f"This account is suspended: {user['suspended_reason']}"
        raise Suspended(why, until=user["suspended_until"])
