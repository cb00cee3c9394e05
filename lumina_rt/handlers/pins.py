"""Messages that a conversation keeps at hand. A pin is a change of its message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lumina_protocol.errors import Invalid
from lumina_protocol.messages import Message
from lumina_protocol.pins import ListPins, Pin, PinKept, PinMessage, PinPage, UnpinMessage

from lumina_rt import access, changes
from lumina_rt.once import once
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

MAX_PINS = 50

LOCK = query("conversations.lock")
ADD = query("pins.add")
PINNED = query("pins.pinned")
REMOVE = query("pins.remove")
COUNT = query("pins.count")
PAGE = query("pins.page")


@handles(PinMessage)
@once
async def pin(ctx: Ctx, tx: Tx, request: PinMessage) -> PinKept:
    await _may_pin(ctx, tx, request)
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    message = await access.said(tx, message_id=request.message_id, **where)
    await access.may_say(tx, **where)
    added = await tx.maybe(ADD, seq=message.seq, **where)
    if added and (await tx.one(COUNT, conversation_id=message.conversation_id))["count"] > MAX_PINS:
        raise Invalid(f"A conversation has at most {MAX_PINS} pins.", field="message_id")
    return await _told(tx, message, added)


@handles(UnpinMessage)
@once
async def unpin(ctx: Ctx, tx: Tx, request: UnpinMessage) -> PinKept:
    which = {"conversation_id": request.conversation_id, "message_id": request.message_id}
    await _may_pin(ctx, tx, request)
    row = await tx.maybe(PINNED, **which)
    if row is None:
        return await _told(tx, await access.said(tx, user_id=ctx.user_id, **which), None)
    message = Message.model_validate(dict(row))
    where = {"conversation_id": message.conversation_id, "seq": message.seq}
    return await _told(tx, message, await tx.maybe(REMOVE, **where))


@handles(ListPins)
async def pinned(ctx: Ctx, request: ListPins) -> PinPage:
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    async with ctx.db.read() as tx:
        await access.member(tx, **where)
        rows = await tx.all(PAGE, before_seq=request.before_seq, limit=request.limit + 1, **where)
    page = fitting(rows[: request.limit])
    return PinPage(
        pins=[
            Pin(message=Message.model_validate(dict(row)), pinned_by=row["pinned_by"])
            for row in page
        ],
        more=len(rows) > len(page),
    )


async def _may_pin(ctx: Ctx, tx: Tx, request: PinMessage | UnpinMessage) -> None:
    """Locks the conversation. Raises NotFound, and Forbidden for who may not pin in it."""
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    await tx.run(LOCK, conversation_id=request.conversation_id)
    conversation = await access.member(tx, **where)
    if conversation["conversation_type"] == "group":
        await access.group_admin(tx, **where)


async def _told(tx: Tx, message: Message, changed: Row | None) -> PinKept:
    if changed:
        message = await changes.announce(tx, message)
    kept = {"message_id": message.message_id, "seq": message.seq, "rev": message.rev}
    return PinKept(changed=changed is not None, **kept)
