"""What was said, page by page: forth, back, and around a message."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from lumina_protocol.errors import NotFound
from lumina_protocol.messages import Message, MessagePage, ReadHistory

from lumina_rt import access
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from uuid import UUID

    from lumina_rt.store.db import Row, Tx

NEWEST = query("messages.newest")
BEFORE = query("messages.before")
AFTER = query("messages.after")
ANCHOR = query("history.anchor")
EDGES = query("history.edges")
END = 2**53 - 1
"""No seq is above it."""


@handles(ReadHistory)
async def history(ctx: Ctx, request: ReadHistory) -> MessagePage:
    who = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        conversation = await access.member(tx, **who)
        rows = await _page(tx, request, ctx.user_id)
        low, high = _ends(request, rows)
        edges = await tx.one(EDGES, low=low, high=high, **who)
    return MessagePage(
        messages=[Message.model_validate(dict(row)) for row in rows],
        last_seq=max(conversation["last_seq"], rows[-1]["seq"] if rows else 0),
        last_rev=conversation["last_rev"],
        more_before=edges["more_before"],
        more_after=edges["more_after"],
    )


async def _page(tx: Tx, request: ReadHistory, user_id: UUID) -> list[Row]:
    """In the order of seq."""
    where = {"conversation_id": request.conversation_id, "user_id": user_id, "limit": request.limit}
    if request.around_seq is not None or request.around_message_id is not None:
        return await _around(tx, request, user_id)
    if request.after_seq is not None:
        return fitting(await tx.all(AFTER, after_seq=request.after_seq, **where))
    if request.before_seq is not None:
        return fitting(await tx.all(BEFORE, before_seq=request.before_seq, **where))[::-1]
    return fitting(await tx.all(NEWEST, **where))[::-1]


async def _around(tx: Tx, request: ReadHistory, user_id: UUID) -> list[Row]:
    """Half of the page before the message and half after it; when long messages make it shorter,
    the nearest ones. Raises NotFound."""
    who = {"conversation_id": request.conversation_id, "user_id": user_id}
    anchor = await tx.maybe(
        ANCHOR, seq=request.around_seq, message_id=request.around_message_id, **who
    )
    if anchor is None:
        by_seq = request.around_seq is not None
        raise NotFound(
            "There is no such message, or not for you.",
            field="around_seq" if by_seq else "around_message_id",
        )
    seq, others = anchor["seq"], request.limit - 1
    before = await tx.all(BEFORE, before_seq=seq, limit=others // 2, **who)
    after = await tx.all(AFTER, after_seq=seq, limit=others - others // 2, **who)
    nearest = [row for row in chain.from_iterable(zip_longest(before, after)) if row is not None]
    return sorted(fitting([anchor, *nearest]), key=lambda row: row["seq"])


def _ends(request: ReadHistory, rows: list[Row]) -> tuple[int, int]:
    """Below the first and above the second is what is not in the page."""
    if rows:
        return rows[0]["seq"], rows[-1]["seq"]
    if request.after_seq is not None:
        return request.after_seq + 1, request.after_seq
    if request.before_seq is not None:
        return request.before_seq, request.before_seq - 1
    return 0, END
