"""Messages to come: sent by the server at their time, exactly once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from lumina_protocol.fields import Id, Millis, without_nul
from lumina_protocol.frame import Change, PersonalEvent, Reply, Request, Wire
from lumina_protocol.messages import ToSend

MAX_WAITING = 100
YEAR_MS = 365 * 24 * 3_600_000


class PassedOn(Wire):
    conversation_id: UUID
    message_id: UUID


class ScheduledMessage(Wire):
    """As it was asked for; what it refers to is looked up when it is sent."""

    message_id: UUID
    """That it will have."""
    conversation_id: UUID
    send_at: Millis
    created_at: Millis
    """When it was scheduled."""
    message_type: str | None = None
    """"text" when left out."""
    content: str = ""
    media_ids: list[UUID] | None = None
    post_id: UUID | None = None
    reply_to: UUID | None = None
    mentions: list[UUID] | None = None
    forwarded_from: PassedOn | None = None
    expires_at: Millis | None = None
    expires_after_s: int | None = None
    error: str | None = None
    """Why it was not sent at its time: the code of an error, or "deactivated". It waits for another
    time, or to be removed."""
    error_field: str | None = None
    """The field of that error."""


class MessageScheduled(Reply):
    """It is on disk. The same answer comes for every retry with this id, for 30 days."""

    message_id: UUID
    send_at: Millis


class ScheduleMessage(ToSend[MessageScheduled]):
    """Sends a message later, as its sender and by the rules of then. What `message.send` would
    refuse now is refused."""

    op = "message.schedule"
    keyed_by = "message_id"

    send_at: Millis
    """To come, and within a year."""

    @field_validator("send_at")
    @classmethod
    def _before_its_end(cls, send_at: int, info: ValidationInfo) -> int:
        end = info.data.get("expires_at")
        if end is not None and not 0 < end - send_at <= YEAR_MS:
            raise ValueError("must be before expires_at, and within a year of it")
        return send_at


class ScheduledPage(Reply):
    """What comes first is first."""

    messages: list[ScheduledMessage]
    more: bool


class ListScheduled(Request[ScheduledPage]):
    """What waits of the user, with what was refused. Long messages make a page shorter."""

    op = "message.scheduled"
    scope = "read"

    conversation_id: Id | None = None
    """None: of all conversations."""
    after: Annotated[tuple[Millis, Id], Strict(False)] | None = None
    """`send_at` and `message_id` of the last one of the page before."""
    limit: Annotated[int, Field(ge=1, le=50)] = 50


class MessageRescheduled(Reply):
    changed: bool
    """False when all was so already. What it is now, `message.scheduled_changed` tells."""


class RescheduleMessage(Change[MessageRescheduled]):
    """Gives a message that waits another time, another content, or both."""

    op = "message.reschedule"
    scope = "messages.write"

    message_id: Id
    send_at: Millis | None = None
    """To come, and within a year of when it was scheduled. What was refused is tried again then."""
    content: (
        Annotated[str, StringConstraints(max_length=4000), AfterValidator(without_nul)] | None
    ) = None


class MessageUnscheduled(Reply):
    message_id: UUID


class UnscheduleMessage(Change[MessageUnscheduled]):
    """A message that waits will not be sent."""

    op = "message.unschedule"
    scope = "messages.write"

    message_id: Id


class ScheduledChanged(PersonalEvent):
    type = "message.scheduled_changed"

    conversation_id: UUID
    message_id: UUID
    scheduled: ScheduledMessage | None = None
    """The whole of it; None when it waits no more: it was sent, or will not be."""
