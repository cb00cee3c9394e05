"""Golden frames of receipts, and of what members set for a conversation."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.conversations import ListConversations
from lumina_protocol.preferences import (
    MarkUnread,
    Preferences,
    PreferencesChanged,
    PreferencesKept,
    SetPreferences,
)
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

from golden.frames import ALICE, BOB, CONVERSATION, GROUP, MINUTE, NOW, answered, asked, told

SET_OP = UUID("019bc119-8cd0-7d7e-8ff8-90a1b2c3d4e5")
MARK_OP = UUID("019bc119-90b8-7e8f-9a09-a1b2c3d4e5f6")

RECEIPTS = [
    asked(1, ReadConversation(conversation_id=CONVERSATION, seq=1)),
    answered(1, "conversation.read", ReadKept(read_seq=1, unread=1, last_seq=2)),
    asked(2, ConfirmDelivery(conversation_id=CONVERSATION, seq=2)),
    answered(2, "conversation.delivered", DeliveryKept(delivered_seq=2)),
    asked(3, CountUnread()),
    answered(
        3,
        "conversation.unread",
        UnreadCounts(
            total=1,
            conversations=[
                UnreadConversation(
                    conversation_id=CONVERSATION, unread=1, marked_unread=False, silent=False
                ),
                UnreadConversation(
                    conversation_id=GROUP, unread=0, marked_unread=True, silent=True
                ),
            ],
            more=False,
        ),
    ),
    told(ReadTo(conversation_id=CONVERSATION, read_seq=1, unread=1, last_seq=2, user_rev=10)),
    told(
        ReceiptsTold(
            conversation_id=CONVERSATION,
            receipts=[
                Receipt(user_id=ALICE, delivered_seq=2, read_seq=1),
                Receipt(user_id=BOB, delivered_seq=2, read_seq=2),
            ],
        )
    ),
]

PREFERENCES = [
    asked(4, MarkUnread(conversation_id=CONVERSATION, op_id=MARK_OP)),
    answered(4, "conversation.mark_unread", PreferencesKept(changed=True)),
    asked(
        5,
        SetPreferences(
            conversation_id=CONVERSATION, op_id=SET_OP, muted_until=NOW + 60 * MINUTE, pinned=True
        ),
    ),
    asked(
        5,
        SetPreferences(
            conversation_id=CONVERSATION, op_id=SET_OP, muted_until="forever", archived=True
        ),
        ", for ever",
    ),
    answered(5, "conversation.set", PreferencesKept(changed=True)),
    told(
        PreferencesChanged(
            conversation_id=CONVERSATION,
            preferences=Preferences(
                muted_until="forever",
                archived_seq=2,
                pinned_at=NOW + MINUTE,
                marked_unread=True,
            ),
            user_rev=11,
        )
    ),
    asked(6, ListConversations(archived=False), ", not in the archive"),
    asked(6, ListConversations(pinned=True), ", pinned"),
]
