"""What Postgres holds, read by plain SQL past the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from tests.faults.log import Mood

CONVERSATIONS = """
select conversation_id, last_seq, last_rev from conversations where conversation_id in (
    select conversation_id from membership_intervals where user_id = any ($1::uuid[]))"""
INTERVALS = """
select conversation_id, user_id, from_seq, to_seq
from membership_intervals where conversation_id = any ($1::uuid[]) order by from_seq"""
MESSAGES = """
select m.conversation_id, m.message_id, m.seq, m.rev as sent_rev, coalesce(c.rev, m.rev) as rev,
       m.sender_id, coalesce(m.content, '') as content, m.is_deleted,
       m.message_type = 'system' as is_note,
       array(select r.reaction_type || ' ' || r.user_id from message_reactions r
             where r.conversation_id = m.conversation_id and r.seq = m.seq) as moods,
       exists (select from message_pins p
               where p.conversation_id = m.conversation_id and p.seq = m.seq) as is_pinned,
       case when not m.is_deleted then m.reply_to_message_id end as reply_to,
       (extract(epoch from m.expires_at) * 1000)::bigint as expires_at,
       m.expires_after_s is not null as is_timed
from messages m left join message_changes c using (conversation_id, seq)
where m.conversation_id = any ($1::uuid[]) order by m.conversation_id, m.seq"""
HIDES = """
select conversation_id, user_id, seq from message_hides where conversation_id = any ($1::uuid[])"""
POSITIONS = """
select conversation_id, user_id, read_seq from receipts where conversation_id = any ($1::uuid[])"""
SCHEDULED = """
select conversation_id, message_id, sent_at is not null as is_sent, error
from scheduled_messages where conversation_id = any ($1::uuid[])"""
RESTLESS = """
select exists (select from scheduled_messages where user_id = any ($1::uuid[])
               and sent_at is null and error is null)
    or exists (select from messages m where m.expires_at is not null and not m.is_deleted)"""


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
    is_note: bool = False
    moods: tuple[Mood, ...] = ()
    is_pinned: bool = False
    reply_to: UUID | None = None
    expires_at: int | None = None
    """In ms since 1970."""
    is_timed: bool = False
    """It has a time from its first reading on, instead."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    is_sent: bool
    error: str | None


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
    hides: dict[UUID, set[int]] = field(default_factory=dict)
    """What a user has deleted for themselves."""
    positions: dict[UUID, int] = field(default_factory=dict)
    """Up to where each user has read."""
    scheduled: dict[UUID, Scheduled] = field(default_factory=dict)

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

    def shows(self, user: UUID, seq: int) -> bool:
        return seq not in self.hides.get(user, ()) and self.sees(user, seq)

    def seen_by(self, user: UUID) -> list[Kept]:
        return [kept for kept in self.messages if self.shows(user, kept.seq)]


Truth = dict[UUID, Talk]
Rows = Iterable[asyncpg.Record]


async def read(database_url: str, users: Collection[UUID]) -> Truth:
    """All conversations that any of them is or was in, in one snapshot."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            heads = await connection.fetch(CONVERSATIONS, list(users))
            conversations = [row["conversation_id"] for row in heads]
            asked = (INTERVALS, MESSAGES, HIDES, POSITIONS, SCHEDULED)
            spans, *others = [await connection.fetch(each, conversations) for each in asked]
    finally:
        await connection.close()
    truth = {row["conversation_id"]: Talk(row["last_seq"], row["last_rev"]) for row in heads}
    for conversation, user, first, end in spans:
        truth[conversation].intervals.setdefault(user, []).append((first, end))
    _fill(truth, *others)
    return truth


def _fill(truth: Truth, messages: Rows, hides: Rows, positions: Rows, scheduled: Rows) -> None:
    for row in messages:
        fields = dict(row)
        conversation = fields.pop("conversation_id")
        fields["message"] = fields.pop("message_id")
        fields["sender"] = fields.pop("sender_id")
        moods = [mood.split() for mood in fields["moods"]]
        fields["moods"] = tuple(sorted((mood, UUID(user)) for mood, user in moods))
        truth[conversation].messages.append(Kept(**fields))
    for conversation, user, seq in hides:
        truth[conversation].hides.setdefault(user, set()).add(seq)
    for conversation, user, seq in positions:
        truth[conversation].positions[user] = seq
    for conversation, message, is_sent, error in scheduled:
        truth[conversation].scheduled[message] = Scheduled(is_sent, error)


async def is_restless(database_url: str, users: Collection[UUID]) -> bool:
    """Something is still to happen by itself: to be sent, or to end."""
    connection = await asyncpg.connect(database_url)
    try:
        return bool(await connection.fetchval(RESTLESS, list(users)))
    finally:
        await connection.close()
