"""Golden frames of presence."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.presence import (
    CountPresence,
    PresenceChanged,
    PresenceCount,
    PresenceSet,
    PresenceWatched,
    SetPresence,
    UserPresence,
    WatchPresence,
)

from golden.frames import BOB, CAROL, GROUP, MINUTE, NOW, answered, asked, told

SET_OP = UUID("019bc119-8cd0-7d7e-8f80-91a2b3c4d5e6")
WATCHED = [
    UserPresence(user_id=BOB, state="online"),
    UserPresence(user_id=CAROL, state="offline", last_seen_at=NOW - MINUTE),
]

PRESENCE = [
    asked(1, WatchPresence(user_ids=[BOB, CAROL])),
    answered(1, "presence.watch", PresenceWatched(users=WATCHED)),
    asked(2, SetPresence(op_id=SET_OP, invisible=True)),
    answered(2, "presence.set", PresenceSet(changed=True)),
    asked(3, CountPresence(conversation_id=GROUP)),
    answered(3, "presence.count", PresenceCount(online=17)),
    told(PresenceChanged(user_id=CAROL, state="online"), ", who comes"),
    told(PresenceChanged(user_id=BOB, state="offline", last_seen_at=NOW + MINUTE), ", who goes"),
]
