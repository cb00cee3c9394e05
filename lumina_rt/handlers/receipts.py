"""Receipts: how far members have got and read, kept and told in batches; what is unread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lumina_protocol.errors import Invalid, LuminaError
from lumina_protocol.receipts import (
    ConfirmDelivery,
    CountUnread,
    DeliveryKept,
    ReadConversation,
    ReadKept,
    ReadTo,
    Receipt,
    ReceiptsTold,
    UnreadConversation,
    UnreadCounts,
)

from lumina_rt import access, changes
from lumina_rt.router import Ctx, handles
from lumina_rt.store.group_commit import grouped
from lumina_rt.store.queries import query
from lumina_rt.streams import own_stream

if TYPE_CHECKING:
    from lumina_rt.store.db import Row, Tx

KEEP = query("receipts.keep")
UNREAD = query("receipts.unread")
BEYOND = query("receipts.beyond")

LOOKED_AT = 1000
LISTED = 200


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a user has a conversation, on its way to be kept."""

    user_id: UUID
    request: ReadConversation | ConfirmDelivery

    @property
    def is_read(self) -> bool:
        return isinstance(self.request, ReadConversation)

    def conversation_id(self) -> UUID:
        return self.request.conversation_id


@dataclass(frozen=True, slots=True)
class Kept:
    delivered_seq: int
    read_seq: int
    last_seq: int
    unread: int | None
    """Of who has read."""


@handles(ReadConversation, together=True)
async def read(ctx: Ctx, request: ReadConversation) -> ReadKept:
    kept = await ctx.services.writers.submit(commit, Position(ctx.user_id, request))
    # Committed, and not answered yet: a client without an answer asks again, and comes by here.
    where, upto, who = request.conversation_id, kept.read_seq, ctx.user_id
    async with ctx.db.read() as tx:
        more = await changes.waits_for_reading(
            tx, conversation_id=where, upto_seq=upto, user_id=who
        )
    while more:
        async with ctx.db.tx() as tx:
            more = await changes.start_expiry(tx, conversation_id=where, upto_seq=upto, user_id=who)
    assert kept.unread is not None
    return ReadKept(read_seq=kept.read_seq, unread=kept.unread, last_seq=kept.last_seq)


@handles(ConfirmDelivery, together=True)
async def delivered(ctx: Ctx, request: ConfirmDelivery) -> DeliveryKept:
    kept = await ctx.services.writers.submit(commit, Position(ctx.user_id, request))
    return DeliveryKept(delivered_seq=kept.delivered_seq)


@grouped(key=Position.conversation_id)
async def commit(tx: Tx, items: Sequence[Position]) -> list[Kept | LuminaError]:
    rows = await tx.all(
        KEEP,
        conversation_ids=[item.request.conversation_id for item in items],
        reader_ids=[item.user_id for item in items],
        seqs=[item.request.seq for item in items],
        are_read=[item.is_read for item in items],
        node_id=tx.node_id,
    )
    placed = list(zip(items, rows, strict=True))
    _tell_readers(tx, placed)
    _tell_others(tx, placed)
    return [_result(row) for row in rows]


def _result(row: Row) -> Kept | LuminaError:
    match row["status"]:
        case "stranger":
            return access.not_found()
        case "future":
            newest = row["last_seq"]
            return Invalid(f"The newest message is {newest}; none after it is read.", field="seq")
    return Kept(row["delivered_seq"], row["read_seq"], row["last_seq"], row["unread"])


def _tell_readers(tx: Tx, placed: list[tuple[Position, Row]]) -> None:
    """Their own devices; the statement has kept it in their streams."""
    news = [(item, row) for item, row in placed if row["user_rev"] is not None]
    for item, row in sorted(news, key=lambda pair: pair[1]["user_rev"]):
        event = ReadTo(
            conversation_id=item.request.conversation_id,
            read_seq=row["read_seq"],
            unread=row["unread"],
            last_seq=row["last_seq"],
            user_rev=row["user_rev"],
        )
        place = own_stream(item.user_id), row["user_rev"]
        tx.emit(event, place=place, to=[item.user_id])


def _tell_others(tx: Tx, placed: list[tuple[Position, Row]]) -> None:
    """The members of a conversation, once for all who have moved in it."""
    moved: dict[UUID, list[Receipt]] = defaultdict(list)
    listeners: dict[UUID, list[UUID]] = {}
    for item, row in placed:
        if row["listener_ids"]:
            receipt = Receipt(
                user_id=item.user_id, delivered_seq=row["delivered_seq"], read_seq=row["read_seq"]
            )
            moved[item.request.conversation_id].append(receipt)
            listeners[item.request.conversation_id] = row["listener_ids"]
    for conversation_id, receipts in moved.items():
        event = ReceiptsTold(conversation_id=conversation_id, receipts=receipts)
        tx.whisper(event, to=listeners[conversation_id])


@handles(CountUnread)
async def unread(ctx: Ctx, request: CountUnread) -> UnreadCounts:
    async with ctx.db.read() as tx:
        looked = {"user_id": ctx.user_id, "within": LOOKED_AT}
        rows = await tx.all(UNREAD, limit=LISTED + 1, **looked)
        more = len(rows) > LISTED or await tx.maybe(BEYOND, **looked) is not None
    found = [
        UnreadConversation(
            conversation_id=row["conversation_id"],
            unread=row["unread"],
            marked_unread=row["marked_unread"],
            silent=row["is_silent"],
        )
        for row in rows[:LISTED]
    ]
    total = sum(one.unread or 1 for one in found if not one.silent)
    return UnreadCounts(total=total, conversations=found, more=more)
