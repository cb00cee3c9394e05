"""Golden frames of messages that are more than text."""

from __future__ import annotations

from lumina_protocol.messages import (
    Attachment,
    Message,
    MessageCreated,
    Origin,
    Quote,
    SendMessage,
)

from golden.frames import (
    ALICE,
    BOB,
    CONVERSATION,
    GROUP,
    MEDIA,
    MINUTE,
    NOW,
    OTHER_ID,
    POST,
    SECOND,
    THIRD,
    asked,
    told,
)

PICTURE = Message(
    conversation_id=CONVERSATION,
    message_id=THIRD,
    seq=3,
    rev=3,
    sender_id=ALICE,
    message_type="image",
    content="It was here",
    created_at=NOW + 25_000,
    attachments=[
        Attachment(
            media_id=MEDIA,
            kind="image",
            content_type="image/jpeg",
            bytes=48_213,
            width=1280,
            height=960,
            blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        )
    ],
    reply_to=Quote(
        message_id=SECOND,
        seq=2,
        sender_id=BOB,
        message_type="text",
        excerpt="Hi Alice, ça va? 👋",
    ),
    mentions=[BOB],
    expires_after_s=3600,
)
PASSED_ON = Message(
    conversation_id=CONVERSATION,
    message_id=THIRD,
    seq=3,
    rev=3,
    sender_id=ALICE,
    message_type="voice_note",
    content="",
    created_at=NOW + 25_000,
    attachments=[
        Attachment(
            media_id=MEDIA,
            kind="voice_note",
            content_type="audio/ogg",
            bytes=9120,
            duration_ms=2300,
            waveform="AAkqYP/IdzEF",
        )
    ],
    forwarded=True,
    expires_at=NOW + 60 * MINUTE,
)
BEYOND_TEXT = [
    asked(
        9,
        SendMessage(
            conversation_id=CONVERSATION,
            message_id=THIRD,
            message_type="image",
            media_ids=[MEDIA],
            reply_to=SECOND,
            mentions=[BOB],
            expires_after_s=3600,
            content="It was here",
        ),
        ", a picture that answers",
    ),
    asked(
        10,
        SendMessage(
            conversation_id=CONVERSATION,
            message_id=THIRD,
            message_type="post_share",
            post_id=POST,
            expires_at=NOW + 60 * MINUTE,
        ),
        ", a post",
    ),
    asked(
        10,
        SendMessage(
            conversation_id=CONVERSATION,
            message_id=THIRD,
            forwarded_from=Origin(conversation_id=GROUP, message_id=OTHER_ID),
        ),
        ", passed on",
    ),
    told(MessageCreated(message=PICTURE), ", a picture that answers"),
    told(MessageCreated(message=PASSED_ON), ", passed on"),
]
