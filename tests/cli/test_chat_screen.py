from __future__ import annotations

import pytest
from lumina_protocol.conversations import Conversation, Member
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Message

from lumina_rt.cli.chat import Screen, harmless


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "plain \u00c9 \U0001f44b\U0001f3fd \u0939\u093f",
            "plain \u00c9 \U0001f44b\U0001f3fd \u0939\u093f",
        ),
        ("\x1b[2J\x1b]0;owned\x07", "\ufffd[2J\ufffd]0;owned\ufffd"),
        ("yes\n12:01 alice  no", "yes \u23ce 12:01 alice  no"),
        ("a\r\x9bb", "a\ufffd\ufffdb"),
        ("\u202egnp", "\ufffdgnp"),
    ],
)
def test_what_a_terminal_would_obey_is_not_printed(said: str, shown: str) -> None:
    assert harmless(said) == shown


def test_what_was_edited_or_deleted_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    alice = Member(user_id=uuid7(), username="alice")
    conversation = Conversation(
        conversation_id=uuid7(),
        conversation_type="direct",
        members=[alice],
        member_count=1,
        last_seq=2,
        last_rev=2,
        created_at=0,
        updated_at=0,
    )
    screen = Screen(conversation)
    said = Message(
        conversation_id=conversation.conversation_id,
        message_id=uuid7(),
        seq=2,
        rev=2,
        sender_id=alice.user_id,
        message_type="text",
        content="helo",
        created_at=0,
    )
    screen.message(said)
    screen.changed(said.model_copy(update={"seq": 1, "content": "hello", "edited_at": 1}))
    screen.changed(said.model_copy(update={"seq": 1, "content": "", "is_deleted": True}))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "alice  helo", "alice  hello (edited)", "alice  (deleted)",
    ]  # fmt: skip
    assert screen.shown == 2, "only new messages are what `until` waits for"
