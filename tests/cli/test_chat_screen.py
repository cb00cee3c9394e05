from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest
from lumina_protocol.conversations import Conversation, Member
from lumina_protocol.fields import uuid7
from lumina_protocol.messages import Attachment, Message, Quote, Reacted
from lumina_protocol.preferences import Preferences
from lumina_protocol.search import SearchHit

from lumina_rt.cli.chat_input import OwnTyping
from lumina_rt.cli.chat_list import table
from lumina_rt.cli.chat_screen import Screen, harmless, marked, put

NOW = int(time.time() * 1000)
ALICE = Member(user_id=uuid7(), username="alice")
BOB = Member(user_id=uuid7(), username="bob")
CONVERSATION = Conversation(
    conversation_id=uuid7(),
    conversation_type="direct",
    members=[ALICE, BOB],
    member_count=2,
    last_seq=2,
    last_rev=2,
    created_at=0,
    updated_at=0,
)
EVIL = "\x1b[2J\u202eno\n12:01 alice  yes"
TAMED = "\ufffd[2J\ufffdno \u23ce 12:01 alice  yes"


def said(**fields: Any) -> Message:
    message = Message(
        conversation_id=CONVERSATION.conversation_id,
        message_id=uuid7(),
        seq=2,
        rev=2,
        sender_id=ALICE.user_id,
        message_type="text",
        content="helo",
        created_at=NOW,
    )
    return message.model_copy(update=fields)


def quote(content: str) -> Quote:
    return Quote(
        message_id=uuid7(), seq=1, sender_id=BOB.user_id, message_type="text", excerpt=content
    )


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
        ("a\u2028b\u2029c", "a\ufffdb\ufffdc"),
        ("\u202egnp", "\ufffdgnp"),
    ],
)
def test_what_a_terminal_would_obey_is_not_printed(said: str, shown: str) -> None:
    assert harmless(said) == shown


def test_what_was_edited_or_deleted_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(CONVERSATION)
    screen.message(said())
    screen.changed(said(content="hello", edited_at=1))
    screen.changed(said(content="", is_deleted=True))
    screen.changed(said(content="", is_deleted=True, expires_at=1))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "alice  helo", "alice  hello (edited)", "alice  (deleted)", "alice  (expired)",
    ]  # fmt: skip


def test_all_that_a_message_may_have_is_in_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    photo = Attachment(
        media_id=uuid7(), kind="image", content_type="image/png", bytes=1, width=640, height=480
    )
    voice = Attachment(
        media_id=uuid7(), kind="voice_note", content_type="audio/ogg", bytes=1, duration_ms=61_001
    )
    moods = [
        Reacted(reaction="curious", count=2, user_ids=[]),
        Reacted(reaction="excited", count=1, user_ids=[]),
    ]
    screen = Screen(CONVERSATION, numbers=True)
    screen.message(said(seq=12, reply_to=quote("what?"), reactions=moods, pinned_at=1))
    screen.message(said(seq=13, sender_id=BOB.user_id, content="", attachments=[photo, voice]))
    screen.message(said(seq=14, content="soon gone", expires_after_s=30, forwarded=True))
    screen.message(said(seq=15, message_type="system", content="alice added bob."))
    lines = [line[6:] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "> 1 bob: what?",
        "  12 alice  helo (pinned)  [curious 2, excited 1]",
        "  13   bob  [image 640x480] [voice_note 1:02]",
        "  14 alice  soon gone (forwarded) (ends 30 s after it is read)",
        "  15 -- alice added bob.",
    ]


def test_a_message_that_ends_says_when_and_another_day_has_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    at = time.mktime((2001, 2, 3, 12, 0, 0, 0, 0, -1))
    ends = int(time.mktime((2001, 2, 3, 12, 4, 5, 0, 0, -1))) * 1000
    screen = Screen(CONVERSATION)
    screen.message(said(created_at=int(at) * 1000, expires_at=ends))
    screen.message(said(created_at=int(at) * 1000))
    assert capsys.readouterr().out.splitlines() == [
        "-- Saturday, 3 February 2001",
        "12:00 alice  helo (until 2001-02-03 12:04:05)",
        "12:00 alice  helo",
    ]


def test_nothing_that_others_have_written_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(CONVERSATION)
    screen.note(EVIL)
    screen.failed(EVIL)
    screen.know(BOB.user_id, EVIL)
    screen.message(said(content=EVIL, reply_to=quote(EVIL)))
    screen.message(said(message_type="system", content=EVIL))
    screen.hit(SearchHit(message=said(content=EVIL), highlights=[(1, 4)]))
    put(table([CONVERSATION.model_copy(update={"title": EVIL})], ALICE.user_id))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not any(line.startswith("12:01 alice") for line in out.splitlines())
    assert out.count(TAMED) == 8, "a note, an error, a quote and its name, 3 messages, a title"


def test_what_was_found_is_marked_where_the_server_says() -> None:
    pieces = [piece for piece in marked("a red, red rose", [(2, 5), (7, 10)]) if piece[0]]
    bold = [words for words, style in pieces if "bold" in style]
    assert "".join(words for words, _ in pieces) == "a red, red rose"
    assert bold == ["red", "red"]


def test_the_list_says_what_is_unread_muted_and_said_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    group = {
        "conversation_type": "group",
        "title": "Film [b]club[/b]",
        "unread": 999,
        "last_message": said(content="see you"),
        "preferences": Preferences(muted_until="forever", pinned_at=1),
    }
    marked_unread = {"preferences": Preferences(muted_until=1, marked_unread=True)}
    shown = [CONVERSATION.model_copy(update=each) for each in (group, marked_unread)]
    put(table(shown, ALICE.user_id))
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["1", "Film", "[b]club[/b]", "999+"]
    assert "alice: see you" in first
    assert first.endswith("pinned, muted")
    assert second.split() == ["2", "bob", "*"]


def test_typing_is_told_when_it_begins_every_three_seconds_and_when_it_stops() -> None:
    now, told = [9.0], list[tuple[float, bool]]()
    typing = OwnTyping(lambda so: told.append((now[0], so)), clock=lambda: now[0])
    for text, at in [("/ed", 9), ("h", 10), ("he", 12.9), ("hel", 13), ("", 13.1), ("", 14)]:
        now[0] = at
        typing.typed(text)
    assert told == [(10, True), (13, True), (13.1, False)]
    typing.typed("/reply 3 yes")
    typing.entered()
    typing.typed("")
    assert told[3:] == [(14, True)]


def test_a_sender_without_a_name_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(CONVERSATION).message(said(sender_id=UUID(int=1)))
    assert "    ?  helo" in capsys.readouterr().out
