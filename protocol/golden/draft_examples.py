"""Golden frames of drafts."""

from __future__ import annotations

from uuid import UUID

from lumina_protocol.drafts import (
    Draft,
    DraftChanged,
    DraftKept,
    DraftPage,
    ListDrafts,
    SetDraft,
)

from golden.frames import CONVERSATION, FIRST, GROUP, MINUTE, NOW, answered, asked, told

DRAFT_OP = UUID("019bc119-9c88-7a1b-8c2d-3e4f5a6b7c8d")
DRAFT = Draft(
    conversation_id=CONVERSATION,
    content="Fine, and",
    reply_to=FIRST,
    updated_at=NOW + 2 * MINUTE,
)

DRAFTS = [
    asked(
        1,
        SetDraft(conversation_id=CONVERSATION, op_id=DRAFT_OP, content="Fine, and", reply_to=FIRST),
    ),
    asked(1, SetDraft(conversation_id=CONVERSATION, op_id=DRAFT_OP, content=""), ", removed"),
    answered(1, "draft.set", DraftKept(changed=True)),
    asked(2, ListDrafts(), ", the first"),
    asked(2, ListDrafts(after=GROUP, limit=20)),
    answered(2, "draft.list", DraftPage(drafts=[DRAFT], more=False)),
    told(DraftChanged(conversation_id=CONVERSATION, draft=DRAFT, user_rev=12)),
    told(DraftChanged(conversation_id=CONVERSATION, user_rev=13), ", removed"),
]
