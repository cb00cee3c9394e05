"""What Postgres holds, read by plain SQL past the server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

CONVERSATIONS = """
select conversation_id, last_seq, last_rev from conversations where conversation_id in (
    select conversation_id from membership_intervals where user_id = any ($1::uuid[]))"""
INTERVALS = """
select conversation_id, user_id, from_seq, to_seq
from membership_intervals where conversation_id = any ($1::uuid[]) order by from_seq"""
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


Interval = tuple[int, int | None]
"""From this seq on, and up to the one before that; None: for as long as it goes on."""


@dataclass(slots=True)
class Talk:
    """A conversation on disk; its messages by ascending seq."""

    last_seq: int
    last_rev: int
    intervals: dict[UUID, list[Interval]] = field(default_factory=dict)
    """Of each user who is or was a member: the seqs that they may see."""
    messages: list[Kept] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many revs are not those of new messages."""
        return self.last_rev - len(self.messages)

    def is_member(self, user: UUID) -> bool:
        """Now, at the end."""
        return any(end is None for _, end in self.intervals.get(user, []))

    def sees(self, user: UUID, seq: int) -> bool:
        intervals = self.intervals.get(user, [])
        return any(first <= seq and (end is None or seq < end) for first, end in intervals)

    def seen_by(self, user: UUID) -> list[Kept]:
        return [kept for kept in self.messages if self.sees(user, kept.seq)]


Truth = dict[UUID, Talk]


async def read(database_url: str, users: Collection[UUID]) -> Truth:
    """All conversations that any of them is or was in, in one snapshot."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = await connection.fetch(CONVERSATIONS, list(users))
            conversations = [row["conversation_id"] for row in heads]
            spans = await connection.fetch(INTERVALS, conversations)
            rows = await connection.fetch(MESSAGES, conversations)
    finally:
        await connection.close()
    truth = {row["conversation_id"]: Talk(row["last_seq"], row["last_rev"]) for row in heads}
    for conversation, user, first, end in spans:
        truth[conversation].intervals.setdefault(user, []).append((first, end))
    for row in rows:
        fields = dict(row)
        conversation = fields.pop("conversation_id")
        fields["message"] = fields.pop("message_id")
        fields["sender"] = fields.pop("sender_id")
        truth[conversation].messages.append(Kept(**fields))
    return truth
