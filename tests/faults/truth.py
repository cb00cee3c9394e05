"""What Postgres holds, read by plain SQL past the server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

CONVERSATIONS = """
select c.conversation_id, c.last_seq, c.last_rev,
       array(select p.user_id from conversation_participants p
             where p.conversation_id = c.conversation_id) as members
from conversations c where c.conversation_id = any ($1::uuid[])"""
MESSAGES = """
select m.conversation_id, m.message_id, m.seq, m.rev as sent_rev, coalesce(c.rev, m.rev) as rev,
       m.sender_id, coalesce(m.content, '') as content, m.is_deleted
from messages m left join message_changes c using (conversation_id, seq)
where m.conversation_id = any ($1::uuid[]) order by m.conversation_id, m.seq"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message on disk."""

    message: UUID
    seq: int
    sent_rev: int
    rev: int
    """Of its newest change."""
    sender: UUID
    content: str
    is_deleted: bool = False


@dataclass(slots=True)
class Talk:
    """A conversation on disk; its messages by ascending seq."""

    last_seq: int
    last_rev: int
    members: frozenset[UUID]
    messages: list[Kept] = field(default_factory=list)


Truth = dict[UUID, Talk]


async def read(database_url: str, conversations: Collection[UUID]) -> Truth:
    """In one snapshot."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = await connection.fetch(CONVERSATIONS, list(conversations))
            rows = await connection.fetch(MESSAGES, list(conversations))
    finally:
        await connection.close()
    truth = {
        row["conversation_id"]: Talk(row["last_seq"], row["last_rev"], frozenset(row["members"]))
        for row in heads
    }
    for row in rows:
        fields = dict(row)
        conversation = fields.pop("conversation_id")
        fields["message"] = fields.pop("message_id")
        fields["sender"] = fields.pop("sender_id")
        truth[conversation].messages.append(Kept(**fields))
    return truth
