"""Golden frames of messages to come."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.messages import Origin
from lumina_protocol.scheduled import (
    ListScheduled,
    MessageRescheduled,
    MessageScheduled,
    MessageUnscheduled,
    PassedOn,
    RescheduleMessage,
    ScheduledChanged,
    ScheduledMessage,
    ScheduledPage,
    ScheduleMessage,
    UnscheduleMessage,
)

from golden.frames import (
    BOB,
    CONVERSATION,
    FIRST,
    GROUP,
    MEDIA,
    MINUTE,
    NOW,
    POST,
    answered,
    asked,
    told,
)

LATER = UUID("019bc119-a070-7b2c-9d3e-4f5a6b7c8d9e")
SHARED = UUID("019bc119-a458-7c3d-8e4f-5a6b7c8d9eaf")
RESCHEDULING = UUID("019bc119-a840-7d4e-9f5a-6b7c8d9eafb0")
UNSCHEDULING = UUID("019bc119-ac28-7e5f-8a6b-7c8d9eafb0c1")
HOUR = 60 * MINUTE
WAITS = ScheduledMessage(
    message_id=LATER,
    conversation_id=CONVERSATION,
    send_at=NOW + 14 * HOUR,
    created_at=NOW + 3 * MINUTE,
    content="Happy birthday!",
)
REFUSED = ScheduledMessage(
    message_id=SHARED,
    conversation_id=GROUP,
    send_at=NOW + HOUR,
    created_at=NOW + 3 * MINUTE,
    message_type="image",
    content="As then",
    media_ids=[MEDIA],
    reply_to=FIRST,
    mentions=[BOB],
    expires_after_s=3600,
    error="not_found",
    error_field="conversation_id",
)
PASSED_ON = ScheduledMessage(
    message_id=SHARED,
    conversation_id=GROUP,
    send_at=NOW + HOUR,
    created_at=NOW + 3 * MINUTE,
    forwarded_from=PassedOn(conversation_id=CONVERSATION, message_id=FIRST),
    expires_at=NOW + 2 * HOUR,
)

SCHEDULED = [
    asked(
        1,
        ScheduleMessage(
            conversation_id=CONVERSATION,
            message_id=LATER,
            content="Happy birthday!",
            send_at=NOW + 14 * HOUR,
        ),
    ),
    asked(
        1,
        ScheduleMessage(
            conversation_id=GROUP,
            message_id=SHARED,
            forwarded_from=Origin(conversation_id=CONVERSATION, message_id=FIRST),
            expires_at=NOW + 2 * HOUR,
            send_at=NOW + HOUR,
        ),
        ", what is passed on",
    ),
    asked(
        1,
        ScheduleMessage(
            conversation_id=GROUP,
            message_id=SHARED,
            message_type="image",
            media_ids=[MEDIA],
            reply_to=FIRST,
            mentions=[BOB],
            expires_after_s=3600,
            content="As then",
            send_at=NOW + HOUR,
        ),
        ", a picture",
    ),
    asked(
        1,
        ScheduleMessage(
            conversation_id=GROUP,
            message_id=SHARED,
            message_type="post_share",
            post_id=POST,
            send_at=NOW + HOUR,
        ),
        ", a post",
    ),
    answered(1, "message.schedule", MessageScheduled(message_id=LATER, send_at=NOW + 14 * HOUR)),
    asked(2, ListScheduled(), ", the first"),
    asked(2, ListScheduled(conversation_id=GROUP, after=(NOW + HOUR, SHARED), limit=20)),
    answered(2, "message.scheduled", ScheduledPage(messages=[REFUSED, WAITS], more=False)),
    asked(3, RescheduleMessage(message_id=SHARED, op_id=RESCHEDULING, send_at=NOW + 3 * HOUR)),
    asked(
        3,
        RescheduleMessage(message_id=LATER, op_id=RESCHEDULING, content="Happy birthday, Bob!"),
        ", with other words",
    ),
    answered(3, "message.reschedule", MessageRescheduled(changed=True)),
    asked(4, UnscheduleMessage(message_id=LATER, op_id=UNSCHEDULING)),
    answered(4, "message.unschedule", MessageUnscheduled(message_id=LATER)),
    told(
        ScheduledChanged(
            conversation_id=CONVERSATION, message_id=LATER, scheduled=WAITS, user_rev=14
        )
    ),
    told(
        ScheduledChanged(
            conversation_id=GROUP, message_id=SHARED, scheduled=PASSED_ON, user_rev=15
        ),
        ", what is passed on",
    ),
    told(
        ScheduledChanged(conversation_id=CONVERSATION, message_id=LATER, user_rev=16),
        ", waits no more",
    ),
]
