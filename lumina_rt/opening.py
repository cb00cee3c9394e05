"""Direct conversations: the one of a pair is found, or opened, in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.conversations import ConversationCreated
from lumina_protocol.errors import Conflict

from lumina_rt.pages import describe
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Tx

CREATE_DIRECT = query("conversations.create_direct")
FIND_DIRECT = query("conversations.find_direct")
ADD_MEMBERS = query("conversations.add_members")


async def found(tx: Tx, user_id: UUID, peer_id: UUID) -> UUID | None:
    """The conversation of these two."""
    row = await tx.maybe(FIND_DIRECT, user_id=user_id, peer_id=peer_id)
    return row["conversation_id"] if row else None


async def opened(tx: Tx, user_id: UUID, peer_id: UUID, conversation_id: UUID) -> tuple[UUID, bool]:
    """Under the lock of the pair, by somebody who may: theirs, and whether it is new, which is to
    be told. Raises Conflict when the id is another's."""
    pair = {"user_id": user_id, "peer_id": peer_id}
    if await tx.maybe(CREATE_DIRECT, conversation_id=conversation_id, **pair) is None:
        if there := await found(tx, user_id, peer_id):
            return there, False
        raise Conflict(field="conversation_id")
    await tx.run(ADD_MEMBERS, conversation_id=conversation_id, user_ids=[user_id, peer_id])
    return conversation_id, True


async def tell(tx: Tx, conversation_id: UUID, member_ids: list[UUID]) -> None:
    """That it is there, as it is now; to each as they see it."""
    for user_id in member_ids:
        conversation = await describe(tx, user_id, conversation_id)
        tx.tell(ConversationCreated(conversation=conversation), to=[user_id])
