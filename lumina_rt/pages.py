"""What there is to be told of conversations: what one is now, and what became of it since a rev, in
pages: for a client that asks, a session that resumes, and the gate of a node that has missed
something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from uuid import UUID

import orjson
from lumina_protocol import EVENTS
from lumina_protocol.codec import MSGPACK
from lumina_protocol.conversations import Conversation, ConversationSynced
from lumina_protocol.frame import Event, EventFrame
from lumina_protocol.messages import Message
from lumina_protocol.notifications import NotificationChanged
from pydantic import ValidationError

from lumina_rt.bus.entry import Delivery, keys
from lumina_rt.gate import Filling
from lumina_rt.sentences import without_numbers
from lumina_rt.store.queries import query
from lumina_rt.streams import own_stream, owner

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

SINCE = query("messages.since")
AUDIENCE = query("conversations.audience")
DESCRIBE = query("conversations.describe")
PERSONAL = query("user_events.since")

PAGE = 100
BEYOND_TEXT = ("attachments", "reply_to", "mentions", "story")
PAGE_BYTES = 140_000
"""Of content in one page, so that a reply stays below a megabyte also in JSON with escapes."""


@dataclass(frozen=True, slots=True)
class Page:
    """What became of a conversation after `from_rev` up to `to_rev`: each message once, where its
    newest rev is. The other revs were superseded by later ones."""

    conversation_id: UUID
    messages: list[Message]
    from_rev: int
    to_rev: int
    last_rev: int

    def synced(self, messages: list[Message]) -> ConversationSynced:
        """As it is told to somebody who sees these of its messages."""
        return ConversationSynced(
            conversation_id=self.conversation_id,
            messages=messages,
            from_rev=self.from_rev,
            to_rev=self.to_rev,
            last_rev=self.last_rev,
        )


async def since(tx: Tx, revs: Mapping[UUID, int], limit: int = PAGE) -> list[Page]:
    """The next page of each of these conversations. None of one that does not exist."""
    rows = await tx.all(
        SINCE, conversation_ids=list(revs), after_revs=list(revs.values()), limit=limit
    )
    return [
        _page(conversation_id, list(found), revs[conversation_id], limit)
        for conversation_id, found in groupby(rows, lambda row: row["conversation_id"])
    ]


def _page(conversation_id: UUID, rows: list[Row], after: int, limit: int) -> Page:
    last_rev = max(rows[0]["last_rev"], after)
    found = [row for row in rows if row["seq"] is not None]
    fit = fitting(found)
    whole = len(fit) == len(found) < limit
    return Page(
        conversation_id,
        [Message.model_validate(dict(row)) for row in fit],
        from_rev=after,
        to_rev=last_rev if whole else fit[-1]["rev"],
        last_rev=last_rev,
    )


def fitting(rows: list[Row]) -> list[Row]:
    """As many of the first rows as fit into one reply, and at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row["content"].encode()) + _beyond_text(row) + _reactions_size(row)
        if size > PAGE_BYTES:
            return rows[: max(count, 1)]
    return rows


def _beyond_text(row: Row) -> int:
    """In bytes, about."""
    found = [row.get(name) for name in BEYOND_TEXT if row.get(name)]
    return len(orjson.dumps(found)) if found else 0


def _reactions_size(row: Row) -> int:
    """In bytes of content, each of which may take six in JSON: what can be escaped, is."""
    return sum(10 + 8 * len(one["user_ids"]) for one in row.get("reactions") or ())


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is in a conversation, and which messages those see who do not see all."""

    member_ids: list[UUID]
    intervals: dict[UUID, list[tuple[int, int | None]]]
    hidden: dict[UUID, set[int]]
    """What members have deleted for themselves."""

    def partly(self) -> set[UUID]:
        """Those who may not see all."""
        return self.intervals.keys() | self.hidden.keys()

    def seen(self, user_id: UUID, messages: list[Message]) -> list[Message]:
        return [message for message in messages if self._sees(user_id, message.seq)]

    def _sees(self, user_id: UUID, seq: int) -> bool:
        if seq in self.hidden.get(user_id, ()):
            return False
        if (intervals := self.intervals.get(user_id)) is None:
            return True
        return any(first <= seq and (end is None or seq < end) for first, end in intervals)


async def _audiences_of(tx: Tx, pages: list[Page]) -> dict[UUID, Audience]:
    """Looked up after the pages were read: who has left meanwhile is not told."""
    rows = await tx.all(
        AUDIENCE,
        conversation_ids=[page.conversation_id for page in pages],
        page_seqs=[_array(message.seq for message in page.messages) for page in pages],
    )
    return {row["conversation_id"]: _audience(row) for row in rows}


def _array(numbers: Iterable[int]) -> str:
    """As Postgres writes it."""
    return "{" + ",".join(map(str, numbers)) + "}"


def _audience(row: Row) -> Audience:
    intervals: dict[UUID, list[tuple[int, int | None]]] = defaultdict(list)
    for user_id, first, end in row["intervals"]:
        intervals[UUID(user_id)].append((first, end))
    hidden: dict[UUID, set[int]] = defaultdict(set)
    for user_id, seq in row["hides"]:
        hidden[UUID(user_id)].add(seq)
    return Audience(row["member_ids"], dict(intervals), dict(hidden))


async def describe(tx: Tx, user_id: UUID, conversation_id: UUID) -> Conversation:
    """As this member sees it now. Raises KeyError when it does not exist."""
    return (await describe_all(tx, user_id, [conversation_id]))[conversation_id]


async def describe_all(
    tx: Tx, user_id: UUID, conversation_ids: Sequence[UUID]
) -> dict[UUID, Conversation]:
    rows = await tx.all(DESCRIBE, ids=conversation_ids, user_id=user_id)
    return {row["conversation_id"]: Conversation.model_validate(dict(row)) for row in rows}


async def pages_for(
    tx: Tx, user_id: UUID, revs: Mapping[UUID, int], limit: int = PAGE
) -> dict[UUID, ConversationSynced]:
    """The next page of each of these conversations as this user may see it; none of those that
    they are not in."""
    pages = await since(tx, revs, limit)
    found = await _audiences_of(tx, pages)
    return {
        page.conversation_id: page.synced(found[page.conversation_id].seen(user_id, page.messages))
        for page in pages
        if user_id in found[page.conversation_id].member_ids
    }


async def fillings(tx: Tx, revs: Mapping[UUID, int]) -> list[Filling]:
    """What the gate has missed of these streams, for whoever may see it now."""
    own = {user_id: rev for stream, rev in revs.items() if (user_id := owner(stream))}
    pages = await since(tx, {stream: rev for stream, rev in revs.items() if not owner(stream)})
    found = await _audiences_of(tx, pages)
    filled = [_filling(page, found[page.conversation_id]) for page in pages]
    return filled + (await _personal(tx, own) if own else [])


def _filling(page: Page, audience: Audience) -> Filling:
    """One delivery for all who see the whole page, and one for each who sees a part of it."""
    members = set(audience.member_ids)
    some = audience.partly() & members
    partly = {user_id: audience.seen(user_id, page.messages) for user_id in some}
    wholly = tuple(members - some)
    told = [(wholly, page.messages), *(((user,), seen) for user, seen in partly.items())]
    place = page.conversation_id, page.to_rev
    deliveries = [Delivery(keys(to), MSGPACK.event(page.synced(seen)), place) for to, seen in told]
    return Filling(page.conversation_id, page.to_rev, deliveries, page.to_rev < page.last_rev)


async def _personal(tx: Tx, revs: Mapping[UUID, int]) -> list[Filling]:
    rows = await tx.all(PERSONAL, user_ids=list(revs), after_revs=list(revs.values()), limit=PAGE)
    return [
        _own(user_id, list(found)) for user_id, found in groupby(rows, lambda row: row["user_id"])
    ]


def _own(user_id: UUID, rows: Sequence[Row]) -> Filling:
    stream = own_stream(user_id)
    deliveries = [
        Delivery(keys([user_id]), MSGPACK.event(personal(row)), (stream, row["rev"]))
        for row in rows
    ]
    return Filling(stream, rows[-1]["rev"], deliveries, len(rows) == PAGE)


def personal(row: Row) -> Event | EventFrame:
    """The event that is kept in this row of user_events, without numbers for whom now wants none;
    as it is, when a newer version has put it there and this one does not know it."""
    body = {**row["body"], "user_rev": row["rev"]}
    model = EVENTS.get(row["event_type"])
    if model is None:
        return EventFrame(row["event_type"], body)
    try:
        event = model.model_validate(body)
    except ValidationError:
        return EventFrame(row["event_type"], body)
    if row["hides_numbers"] and isinstance(event, NotificationChanged):
        return without_numbers(event)
    return event
