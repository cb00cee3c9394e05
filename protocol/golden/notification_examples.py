"""Golden frames of notifications."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.notifications import (
    Actor,
    CountNotifications,
    DeleteNotifications,
    GetNotificationLevels,
    GroupedPage,
    LevelKept,
    ListGrouped,
    ListNotifications,
    Notification,
    NotificationChanged,
    NotificationGroup,
    NotificationLevels,
    NotificationLevelsChanged,
    NotificationPage,
    NotificationRemoved,
    NotificationsKept,
    NotificationsRead,
    ReadNotifications,
    SetNotificationLevel,
    UnreadNotifications,
)

from golden.frames import BOB, CAROL, CONVERSATION, FIRST, MINUTE, NOW, answered, asked, told

NOTICE = UUID("019bc119-b3f8-7d2e-9f4a-5b6c7d8e9fa0")
NOTICE_OP = UUID("019bc119-b7e0-7e3f-8a5b-6c7d8e9fa0b1")
REACTIONS = f"reaction:message:{FIRST}"
MESSAGES = f"message:{CONVERSATION}"
GROUP_SHOWN = NotificationGroup(
    group_key=REACTIONS,
    type="reaction",
    title="bob and carol reacted to your message",
    actors=[Actor(user_id=BOB, username="bob"), Actor(user_id=CAROL, username="carol")],
    actor_count=2,
    count=2,
    is_read=False,
    silent=False,
    created_at=NOW,
    updated_at=NOW + MINUTE,
    conversation_id=CONVERSATION,
    message_id=FIRST,
)
LEVELS = {
    "reaction": "silent", "comment": "on", "follow": "on", "mention": "on",
    "message": "on", "milestone": "off", "system": "on",
}  # fmt: skip

NOTIFICATIONS = [
    asked(1, ListNotifications(), ", the first"),
    asked(1, ListNotifications(before=(NOW + MINUTE, REACTIONS), limit=20)),
    answered(1, "notification.list", NotificationPage(groups=[GROUP_SHOWN], more=False, unread=1)),
    asked(2, ListGrouped(group_key=REACTIONS), ", the first"),
    asked(2, ListGrouped(group_key=REACTIONS, before=NOTICE, limit=20)),
    answered(
        2,
        "notification.of_group",
        GroupedPage(
            notifications=[
                Notification(
                    notification_id=NOTICE, user_id=BOB, username="bob", created_at=NOW + MINUTE
                )
            ],
            more=True,
        ),
    ),
    asked(3, CountNotifications()),
    answered(3, "notification.unread", UnreadNotifications(unread=1)),
    asked(4, ReadNotifications(op_id=NOTICE_OP, group_keys=[REACTIONS]), ", one"),
    asked(4, ReadNotifications(op_id=NOTICE_OP, upto=NOW + MINUTE), ", all that were shown"),
    answered(4, "notification.read", NotificationsKept(unread=0, changed=1)),
    asked(5, DeleteNotifications(op_id=NOTICE_OP, group_keys=[REACTIONS])),
    answered(5, "notification.delete", NotificationsKept(unread=0, changed=1)),
    asked(6, GetNotificationLevels()),
    answered(6, "notification.preferences", NotificationLevels(levels=LEVELS)),
    asked(7, SetNotificationLevel(op_id=NOTICE_OP, type="reaction", level="silent")),
    answered(7, "notification.set_preference", LevelKept(changed=True)),
    told(NotificationChanged(group=GROUP_SHOWN, unread=1, user_rev=14)),
    told(NotificationRemoved(group_keys=[MESSAGES], unread=0, user_rev=15)),
    told(NotificationsRead(group_keys=[REACTIONS], unread=0, user_rev=16), ", one"),
    told(NotificationsRead(upto=NOW + MINUTE, unread=0, user_rev=17), ", all up to a time"),
    told(NotificationLevelsChanged(levels=LEVELS, user_rev=18)),
]
