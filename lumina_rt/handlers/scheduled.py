"""Messages to come: kept, changed and taken back. Sent by workers/scheduled.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from lumina_protocol.errors import Conflict, Invalid, NotFound
from lumina_protocol.scheduled import (
    MAX_WAITING,
    YEAR_MS,
    ListScheduled,
    MessageRescheduled,
    MessageScheduled,
    MessageUnscheduled,
    RescheduleMessage,
    ScheduledChanged,
    ScheduledPage,
    ScheduleMessage,
    UnscheduleMessage,
)
from pydantic import ValidationError

from lumina_rt import access
from lumina_rt.once import once
from lumina_rt.pages import fitting
from lumina_rt.router import Ctx, handles
from lumina_rt.sending import as_kept, beyond_text, refusal, scheduled
from lumina_rt.store.db import Tx
from lumina_rt.store.queries import query

if TYPE_CHECKING:
    from lumina_rt.store.db import Row

LOCK_USER = query("settings.lock")
DIGEST = query("messages.digest")
UNFIT = query("scheduled.unfit")
WAITING_COUNT = query("scheduled.waiting_count")
ADD = query("scheduled.add")
PAGE = query("scheduled.page")
LOCK = query("scheduled.lock")
CHANGE = query("scheduled.change")
REMOVE = query("scheduled.remove")


@handles(ScheduleMessage)
@once
async def schedule(ctx: Ctx, tx: Tx, request: ScheduleMessage) -> MessageScheduled:
    where = {"conversation_id": request.conversation_id, "user_id": ctx.user_id}
    await access.member(tx, **where)
    await access.may_say(tx, **where)
    _refuse_time(ctx, request.send_at, since=ctx.now_ms())
    await _refuse_unfit(tx, ctx.user_id, request)
    await _refuse_too_many(tx, ctx.user_id)
    body = request.model_dump(mode="json", exclude=NOT_KEPT, exclude_unset=True, exclude_none=True)
    name = {"message_id": request.message_id, **where}
    row = await tx.maybe(ADD, body=body, send_ms=request.send_at, **name)
    if row is None:
        raise Conflict(field="message_id")
    _tell(tx, ctx.user_id, row)
    return MessageScheduled(message_id=request.message_id, send_at=request.send_at)


NOT_KEPT = {"conversation_id", "message_id", "send_at"}
"""They have columns of their own."""


def _refuse_time(ctx: Ctx, send_at: int, *, since: int) -> None:
    if not ctx.now_ms() < send_at <= since + YEAR_MS:
        raise Invalid("send_at: must be to come, and within a year", field="send_at")


async def _refuse_unfit(tx: Tx, user_id: UUID, request: ScheduleMessage) -> None:
    """What would be refused now. When it ends, is counted from when it is sent."""
    name = {"conversation_id": request.conversation_id, "message_id": request.message_id}
    if await tx.maybe(DIGEST, **name) is not None:
        raise Conflict(field="message_id")
    extra = as_kept(beyond_text(request))
    if extra is None:
        return
    extra.pop("expires_at", None)
    if why := (await tx.one(UNFIT, user_id=user_id, extra=extra, **name))["why"]:
        raise refusal(why)


async def _refuse_too_many(tx: Tx, user_id: UUID) -> None:
    """Two devices that schedule at once come one after the other."""
    await tx.run(LOCK_USER, user_id=user_id)
    if (await tx.one(WAITING_COUNT, user_id=user_id))["count"] >= MAX_WAITING:
        raise Invalid(f"At most {MAX_WAITING} messages wait.", field="message_id")


@handles(ListScheduled)
async def list_scheduled(ctx: Ctx, request: ListScheduled) -> ScheduledPage:
    after_ms, after_id = request.after or (None, None)
    async with ctx.db.read() as tx:
        rows = await tx.all(
            PAGE,
            user_id=ctx.user_id,
            only_id=request.conversation_id,
            after_ms=after_ms,
            after_id=after_id,
            limit=request.limit + 1,
        )
    fit = fitting(rows[: request.limit])
    return ScheduledPage(messages=[scheduled(row) for row in fit], more=len(rows) > len(fit))


@handles(RescheduleMessage)
@once
async def reschedule(ctx: Ctx, tx: Tx, request: RescheduleMessage) -> MessageRescheduled:
    name = {"message_id": request.message_id, "user_id": ctx.user_id}
    row = await tx.maybe(LOCK, **name)
    if row is None:
        raise _not_waiting()
    moved, send_at = request.send_at is not None, request.send_at or row["send_at"]
    if moved:
        _refuse_time(ctx, send_at, since=row["created_at"])
    said = {} if request.content is None else {"content": request.content}
    body = row["body"] | said
    _refuse_shape(row, body, send_at)
    after = await tx.one(CHANGE, body=body, send_ms=send_at, moved=moved, **name)
    changed = scheduled(after) != scheduled(row)
    if changed:
        _tell(tx, ctx.user_id, after)
    return MessageRescheduled(changed=changed)


def _refuse_shape(row: Row, body: dict[str, Any], send_at: int) -> None:
    """It must still be what could be scheduled."""
    name = {"conversation_id": row["conversation_id"], "message_id": row["message_id"]}
    try:
        ScheduleMessage.model_validate({**body, **name, "send_at": send_at})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field, why = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        raise Invalid(f"{field}: {why}", field=field) from None


@handles(UnscheduleMessage)
@once
async def unschedule(ctx: Ctx, tx: Tx, request: UnscheduleMessage) -> MessageUnscheduled:
    row = await tx.maybe(REMOVE, message_id=request.message_id, user_id=ctx.user_id)
    if row is None:
        raise _not_waiting()
    tx.tell(ScheduledChanged(**row), to=[ctx.user_id])
    return MessageUnscheduled(message_id=request.message_id)


def _not_waiting() -> NotFound:
    return NotFound("No such message waits: it was sent, or is not yours.", field="message_id")


def _tell(tx: Tx, user_id: UUID, row: Row) -> None:
    message = scheduled(row)
    name = {"conversation_id": message.conversation_id, "message_id": message.message_id}
    tx.tell(ScheduledChanged(scheduled=message, **name), to=[user_id])
