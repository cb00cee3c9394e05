"""Golden frames of search."""

from __future__ import annotations

from lumina_protocol.messages import Message
from lumina_protocol.search import SearchHit, SearchMessages, SearchPage

from golden.frames import ALICE, CONVERSATION, FIRST, MINUTE, NOW, answered, asked

FOUND = Message(
    conversation_id=CONVERSATION,
    message_id=FIRST,
    seq=1,
    rev=1,
    sender_id=ALICE,
    message_type="text",
    content="Tea tomorrow? I like Teas.",
    created_at=NOW + 22_000,
)
SEARCH = [
    asked(9, SearchMessages(query="tea")),
    asked(
        9,
        SearchMessages(
            query='tea or "hot water" -coffee',
            language="en",
            conversation_id=CONVERSATION,
            from_user_id=ALICE,
            before=NOW + MINUTE,
            after=NOW,
            has_media=False,
            limit=1,
            cursor=(NOW + MINUTE, CONVERSATION, 2),
        ),
        ", the next page, with all there is to say",
    ),
    answered(
        9,
        "message.search",
        SearchPage(
            hits=[SearchHit(message=FOUND, highlights=[(0, 3), (21, 25)])],
            cursor=(FOUND.created_at, CONVERSATION, 1),
        ),
    ),
    answered(9, "message.search", SearchPage(hits=[]), ", nothing found"),
]
