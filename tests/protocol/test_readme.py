"""protocol/README.md names everything that the code has, with the values that the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from lumina_protocol import EVENTS, REQUESTS
from lumina_protocol.codec import CODECS, JSON, MAX_DEPTH
from lumina_protocol.conversations import (
    ChangedMessage,
    Conversation,
    ConversationPage,
    ConversationSynced,
    Member,
    SyncPage,
)
from lumina_protocol.errors import ERRORS, CloseCode, ErrorBody, may_reconnect
from lumina_protocol.limits import LimitLeft
from lumina_protocol.messages import Message, MessagePage, Note, Reacted
from lumina_protocol.posts import Post
from lumina_protocol.session import MAX_CURSORS
from pydantic import BaseModel

from lumina_rt.access import MAX_MEMBERS
from lumina_rt.config import Settings
from lumina_rt.gateway.connection import PATH
from lumina_rt.handlers import resume
from lumina_rt.limits import HOT, SLOW, TOKEN
from lumina_rt.pages import PAGE_BYTES
from lumina_rt.session import AUTH_TRIES
from tests.protocol.vectors import PROTOCOL

README = (PROTOCOL / "README.md").read_text("utf-8")


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    level = heading.split(" ", 1)[0]
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)",
        README,
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"README.md has no heading {heading!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def fields_told(text: str) -> set[str]:
    """The names in the first column of its tables."""
    return {name for row in rows(text) for name in re.findall(r"`([a-z_0-9]+)`", row[0])}


@pytest.mark.parametrize("op", REQUESTS)
def test_every_operation_has_a_section_with_its_fields(op: str) -> None:
    text = section(f"### {op}")
    assert set(REQUESTS[op].model_fields) <= fields_told(text)
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert set(REQUESTS[op].reply.model_fields) <= named


@pytest.mark.parametrize("op", REQUESTS)
def test_every_operation_is_in_the_overview(op: str) -> None:
    (row,) = [row for row in rows(section("## Operations")) if row[0].startswith(f"[`{op}`]")]
    assert row[0].endswith(f"(#{op.replace('.', '')})")
    assert row[2] == ("yes" if REQUESTS[op].public else "no")
    assert row[3].split(",")[0].split(":")[0] == ("yes" if REQUESTS[op].retry_safe else "no")


@pytest.mark.parametrize("type_", EVENTS)
def test_every_event_has_a_section_with_its_fields(type_: str) -> None:
    named = set(re.findall(r"`([a-z_]+)`", section(f"### {type_}")))
    assert set(EVENTS[type_].model_fields) <= named


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (Conversation, "### conversation.create"),
        (Message, "### message.history"),
        (Post, "### post.get"),
        (ErrorBody, "## Errors"),
    ],
)
def test_the_maps_have_tables(model: type[BaseModel], heading: str) -> None:
    assert set(model.model_fields) <= fields_told(section(heading))


def test_members_are_described() -> None:
    (row,) = [row for row in rows(section("### conversation.create")) if row[0] == "`members`"]
    assert all(f"`{name}`" in row[2] for name in Member.model_fields)


def test_the_table_of_errors_is_that_of_the_code() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(section("## Errors")) if len(row) == 4}
    del told["Code"]
    assert told == {code: "yes" if e.temporary else "no" for code, e in ERRORS.items()}


WITHOUT_ERRORS = [
    "account.exports", "account.logout", "audience.list", "bookmark.remove", "collection.list",
    "collection.remove", "conversation.list", "conversation.unread", "device.list", "draft.list",
    "feed.home", "follow.requests", "highlight.list", "limits.get", "media.urls",
    "message.scheduled", "notification.list", "notification.of_group", "notification.preferences",
    "notification.unread", "ping", "post.archived", "post.drafts", "post.mentioning",
    "post.of_user", "post.trash", "post.viewed", "reaction.mine", "reaction.remove",
    "report.list", "session.end_others", "session.list", "settings.get", "story.get",
    "story.of_user", "story.tray", "story.viewed", "token.list", "topic.complete",
    "topic.followed", "topic.list", "topic.trending", "topic.unfollow", "totp.get",
    "upload.cancel", "upload.list", "user.blocks", "user.mutes", "user.search", "user.suggestions",
]  # fmt: skip


def test_errors_that_are_named_exist() -> None:
    """In the lines of the operations that say which errors they give."""
    lines = re.findall(r"^Errors: (.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    assert len(lines) == len(REQUESTS) - len(WITHOUT_ERRORS)
    for line in lines:
        without_fields = re.sub(r"\(field[^)]*\)|\[[^]]*\]\([^)]*\)", "", line)
        assert set(re.findall(r"`([a-z_]+)`", without_fields)) <= set(ERRORS)


def test_every_close_code_is_in_the_table_with_its_rule() -> None:
    told = {
        int(code): row[1]
        for row in rows(section("## Closing and reconnecting"))
        for code in re.findall(r"\b\d{4}\b", row[0])
    }
    assert set(CloseCode) <= set(told)
    assert told == {code: "yes" if may_reconnect(code) else "no" for code in told}


def test_the_reconnect_rule_is_that_of_the_code() -> None:
    (rule,) = re.findall(r"^may_reconnect\(code\) = (.*)$", README, re.MULTILINE)
    for code in range(1000, 5100):
        assert eval(rule, {"code": code}) is may_reconnect(code)


@pytest.mark.parametrize(
    ("setting", "factor", "row"),
    [
        ("max_frame_before_auth", 1, "`max_frame_before_auth`"),
        ("max_frame", 1, "`max_frame`"),
        ("auth_timeout_s", 1000, "`auth_timeout_ms`"),
        ("heartbeat_s", 1000, "`heartbeat_ms`"),
        ("requests_per_s", 1, "Requests of a connection per second"),
        ("requests_burst", 1, "Requests of a connection per second"),
        ("max_requests_waiting", 1, "Requests of a connection that wait"),
        ("max_requests_together", 1, "Sends of a connection"),
        ("max_sessions_per_user", 1, "Connections of a user"),
    ],
)
def test_limits_are_the_defaults(setting: str, factor: int, row: str) -> None:
    default = Settings.model_fields[setting].default * factor
    (cells,) = [cells for cells in rows(section("## Limits")) if cells[0].startswith(row)]
    assert f"{default:,.0f}" in cells[1].split(", ")


def test_limits_by_who_asks_are_those_of_the_code() -> None:
    text = section("## Limits").partition("| `limit` | Counts | Default |")[2]
    told = [(cells[0].strip("`"), cells[2]) for cells in rows(text)]
    rules = [(name, rule.setting) for name, rules in SLOW.items() for rule in rules]
    settings = [*HOT.items(), (TOKEN, "limit_token"), *rules]
    rates = {setting: Settings.model_fields[setting].default for _, setting in settings}
    known = [(name, rates[setting]) for name, setting in settings]
    assert told == [(n, f"{r.count:,} in {r.period_s} s, {r.burst}") for n, r in known]
    assert set(rates) == {name for name in Settings.model_fields if name.startswith("limit_")}


def test_what_a_limit_says_is_described() -> None:
    assert all(f"`{name}`" in section("### limits.get") for name in LimitLeft.model_fields)


def test_other_numbers_and_names() -> None:
    assert Settings.model_fields["outbox_bytes"].default == 2**20
    assert "about 1 MiB" in section("## Limits")
    assert f"| Wrong tokens on a connection | {AUTH_TRIES} |" in README
    assert f"nested at most {MAX_DEPTH} levels" in README
    assert f"`ws://HOST:PORT{PATH}`" in README
    assert all(f"`{name}`" in README for name in CODECS)


def test_the_largest_page_fits_in_what_may_wait() -> None:
    """In JSON, where the longest character is an escaped control character."""
    id_, most = UUID(int=2**128 - 1), 2**53 - 1
    message = Message(
        conversation_id=id_,
        message_id=id_,
        seq=most,
        rev=most,
        sender_id=id_,
        message_type="text",
        content="\x01" * 4000,
        created_at=most,
        edited_at=most,
    )
    short = message.model_copy(update={"content": "\x01" * (PAGE_BYTES // 200)})
    moods = [Reacted(reaction="thoughtful", count=5000, user_ids=[id_] * 4)] * 5
    weight = sum(10 + 8 * len(one.user_ids) for one in moods)
    content = "\x01" * (PAGE_BYTES // 200 - weight)
    reacted = message.model_copy(update={"content": content, "reactions": moods, "pinned_at": most})
    conversation = Conversation(
        conversation_id=id_,
        conversation_type="group",
        title="\U00010400" * 100,
        description="\x01" * 500,
        picture_media_id=id_,
        members=[Member(user_id=id_, username="\U00010400" * 30)] * 20,
        member_count=most,
        last_seq=most,
        last_rev=most,
        last_message=message,
        created_at=most,
        updated_at=most,
    )
    for page in (
        MessagePage(messages=[message] * (PAGE_BYTES // 4000), last_seq=most, last_rev=most),
        MessagePage(messages=[short] * 200, last_seq=most, last_rev=most),
        MessagePage(messages=[reacted] * 200, last_seq=most, last_rev=most),
        SyncPage(messages=[short] * 200, from_rev=most, to_rev=most, last_rev=most),
    ):
        assert len(JSON.reply(most, page)) < Settings.model_fields["outbox_bytes"].default
    talks = ConversationPage(conversations=[conversation] * 40, more=True)
    assert len(JSON.reply(most, talks)) < 2 * 2**20, "as large as README says that a client takes"
    limited = ConversationSynced(
        conversation_id=id_,
        messages=[short] * resume.NEWEST_PAGE,
        from_rev=most,
        to_rev=most,
        last_rev=most,
        limited=True,
        changed=[ChangedMessage(seq=most, rev=most, is_deleted=False)] * resume.CHANGED,
    )
    assert len(JSON.event(limited)) < Settings.model_fields["outbox_bytes"].default


def test_how_much_is_told_at_once() -> None:
    told = " ".join(section("### resume").split())
    assert f"at most {MAX_CURSORS}. None" in told
    assert f"at most {MAX_CURSORS}; where each" in told
    assert f"when more than {resume.MISSED} revs were missed" in told
    assert f"more than {MAX_MEMBERS:,} members" in section("### member.add")
    steps = section("## An unbroken conversation")
    assert len(re.findall(rf"\b{MAX_CURSORS}\b", steps)) == 3


KINDS = ("created", "added", "removed", "left", "joined", "banned", "role", "changed")


def test_notes_are_described() -> None:
    text = section("### message.history")
    assert all(f"`{name}`" in text for name in Note.model_fields)
    assert all(f"`{kind}`" in text for kind in KINDS)


def test_changed_messages_are_described() -> None:
    (row,) = [row for row in rows(section("### conversation.synced")) if row[0] == "`changed`"]
    assert all(f"`{name}`" in row[2] for name in ChangedMessage.model_fields)


def test_links_within_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {heading.lower().replace(".", "").replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
