"""Who may see and do what: the one place where permission is asked.

A hot write asks inside its statement, so that the answer belongs to the same commit
(sql/messages.sql, `send`), and a list does, so that a page is full; everything else asks here. The
rules between two users are SQL functions, which all of them use: sql/migrations/0029_access.sql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import (
    Blocked,
    Forbidden,
    Gone,
    LuminaError,
    NotAccepted,
    NotFound,
    Suspended,
)
from lumina_protocol.messages import Message

from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

MEMBERSHIP = query("conversations.membership")
SEEN = query("messages.seen")
STAFF = query("moderation.staff_role")
VISIBLE = query("access.visible")
CLOSED_TO = query("access.closed_to")
NOT_ACCEPTING = query("access.not_accepting")
LOCK_PAIR = query("blocks.lock_pair")


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


async def message(tx: Tx, *, user_id: UUID, conversation_id: UUID, message_id: UUID) -> Message:
    """One that the user may see, a tombstone too. Raises NotFound, with the field of what there is
    not."""
    await member(tx, user_id=user_id, conversation_id=conversation_id)
    where = {"conversation_id": conversation_id, "message_id": message_id}
    row = await tx.maybe(SEEN, user_id=user_id, **where)
    if row is None:
        raise NotFound("The conversation has no such message.", field="message_id")
    return Message.model_validate(dict(row))


async def said(tx: Tx, *, user_id: UUID, conversation_id: UUID, message_id: UUID) -> Message:
    """One that somebody has said, and that is still there. Raises Gone, Forbidden as well."""
    where = {"conversation_id": conversation_id, "message_id": message_id}
    found = await message(tx, user_id=user_id, **where)
    if found.is_deleted:
        raise Gone("This message was deleted.", field="message_id")
    if found.message_type == "system":
        raise Forbidden("What the server notes stays as it is.", field="message_id")
    return found


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


async def visible(
    tx: Tx,
    *,
    viewer_id: UUID,
    owner_id: UUID,
    shown_to: str = "public",
    audience_id: UUID | None = None,
) -> bool:
    """Whether somebody may see what another shows to these: "public", "followers", "friends" (who
    follow each other), "close_friends", "custom" (the audience) or "private"."""
    asked = {"user_id": viewer_id, "other_id": owner_id}
    row = await tx.maybe(VISIBLE, shown_to=shown_to, audience_id=audience_id, **asked)
    return row is not None


async def lock_pair(tx: Tx, *, user_id: UUID, other_id: UUID) -> None:
    """First of all for whoever changes what is between two users: what it is, the next statement
    sees. Before any lock of a conversation."""
    await tx.run(LOCK_PAIR, user_id=user_id, other_id=other_id)


async def may_open(tx: Tx, *, user_id: UUID, other_id: UUID) -> None:
    """A first direct conversation with somebody. Raises NotAccepted."""
    if await tx.maybe(NOT_ACCEPTING, user_id=user_id, other_id=other_id) is not None:
        raise NotAccepted(field="username")


async def may_say(tx: Tx, *, user_id: UUID, conversation_id: UUID) -> None:
    """Something that others have not heard yet, as a member. Raises Blocked, NotAccepted."""
    row = await tx.maybe(CLOSED_TO, user_id=user_id, conversation_id=conversation_id)
    if row is not None:
        raise closed(row["why"])


def closed(why: str) -> LuminaError:
    """What `closed_to` says, as an error."""
    return Blocked() if why == "blocked" else NotAccepted(field="conversation_id")
