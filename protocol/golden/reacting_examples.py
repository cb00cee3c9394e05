"""Golden frames of what is done with messages: reactions, pins, deletions for oneself, edits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from lumina_protocol.hides import Hidden, HideMessages, MessagesHid, MessagesHidden
from lumina_protocol.message_reactions import (
    ListReactions,
    React,
    Reaction,
    ReactionKept,
    ReactionPage,
)
from lumina_protocol.messages import (
    EditPage,
    FormerContent,
    ListEdits,
    Message,
    MessageChanged,
    Reacted,
)
from lumina_protocol.pins import ListPins, Pin, PinKept, PinMessage, PinPage, UnpinMessage

from golden.frames import (
    ALICE,
    BOB,
    CONVERSATION,
    FIRST,
    MINUTE,
    NOW,
    SECOND,
    answered,
    asked,
    told,
)

REACT_OP = UUID("019bc119-8ce8-7d7e-8a0b-91a2b3c4d5e6")
PIN_OP = UUID("019bc119-90d0-7e8f-9b1c-a2b3c4d5e6f7")
HIDE_OP = UUID("019bc119-94b8-7f90-ac2d-b3c4d5e6f708")
NAME: dict[str, Any] = {"conversation_id": CONVERSATION, "message_id": FIRST}

REACTED = Message(
    **NAME,
    seq=1,
    rev=6,
    sender_id=ALICE,
    message_type="text",
    content="Hi Bob, how are you?",
    created_at=NOW + 22_000,
    edited_at=NOW + 26_000,
    reactions=[Reacted(reaction="curious", count=2, user_ids=[BOB, ALICE])],
)
PINNED = REACTED.model_copy(update={"rev": 7, "pinned_at": NOW + MINUTE})

REACTIONS = [
    asked(1, React(**NAME, op_id=REACT_OP, reaction="curious")),
    asked(1, React(**NAME, op_id=REACT_OP), ", taken back"),
    answered(1, "message.react", ReactionKept(message_id=FIRST, seq=1, rev=6, changed=True)),
    asked(2, ListReactions(**NAME), ", the first"),
    asked(2, ListReactions(**NAME, after=(NOW + 30_000, BOB), limit=20)),
    answered(
        2,
        "message.reactions",
        ReactionPage(
            reactions=[
                Reaction(user_id=BOB, username="bob", reaction="curious", reacted_at=NOW + 30_000),
                Reaction(
                    user_id=ALICE, username="alice", reaction="curious", reacted_at=NOW + 31_000
                ),
            ],
            more=False,
            own="curious",
        ),
    ),
    told(MessageChanged(message=REACTED), ", reacted to"),
]

PINS = [
    asked(3, PinMessage(**NAME, op_id=PIN_OP)),
    answered(3, "message.pin", PinKept(message_id=FIRST, seq=1, rev=7, changed=True)),
    asked(4, UnpinMessage(**NAME, op_id=PIN_OP)),
    answered(4, "message.unpin", PinKept(message_id=FIRST, seq=1, rev=8, changed=True)),
    asked(5, ListPins(conversation_id=CONVERSATION), ", the newest"),
    asked(5, ListPins(conversation_id=CONVERSATION, before_seq=3, limit=20)),
    answered(5, "message.pins", PinPage(pins=[Pin(message=PINNED, pinned_by=ALICE)], more=False)),
]

HIDES = [
    asked(
        6,
        HideMessages(conversation_id=CONVERSATION, op_id=HIDE_OP, message_ids=[FIRST, SECOND]),
    ),
    answered(6, "message.hide", MessagesHid(hidden=[Hidden(message_id=FIRST, seq=1)])),
    told(
        MessagesHidden(
            conversation_id=CONVERSATION, hidden=[Hidden(message_id=FIRST, seq=1)], user_rev=10
        )
    ),
]

FORMER = [
    asked(7, ListEdits(**NAME), ", the newest"),
    asked(7, ListEdits(**NAME, before_rev=3, limit=20)),
    answered(
        7,
        "message.edits",
        EditPage(
            edits=[FormerContent(content="Hi Bob", rev=1, replaced_at=NOW + 26_000)], more=False
        ),
    ),
]

REACTING = [*REACTIONS, *PINS, *HIDES, *FORMER]
