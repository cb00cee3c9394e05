"""The checker passes what went well, and finds each thing that can go wrong by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast
from uuid import UUID

import orjson
import pytest

from tests.faults import social_checks, stories
from tests.faults.checker import INVARIANTS, check
from tests.faults.evidence import Evidence
from tests.faults.failover import Failover
from tests.faults.log import (
    Answered,
    Asked,
    Begun,
    CaughtUp,
    Connected,
    Ended,
    Entry,
    Interrupted,
    Log,
    Owned,
    Page,
    Read,
    Resuming,
    Shown,
    Told,
    write,
)
from tests.faults.stories import (
    BOB,
    EVE,
    HI,
    LAST,
    M1,
    MISSED,
    SO,
    SO_EDITED,
    TALK,
    YES,
    change,
    send,
    told,
)
from tests.faults.truth import Scheduled, Talk
from tests.store.standby import Standby

Tamper = Callable[[Evidence], object]
MOOD = ("curious", BOB)


def demands(evidence: Evidence) -> set[str]:
    evidence.__post_init__()  # looks again at a truth that was tampered with
    return {violation.demand for violation in check(evidence)}


def put(log: Log, old: Entry, *new: Entry) -> None:
    at = log.entries.index(old)
    log.entries[at : at + 1] = new


def drop(log: Log, kind: type[Entry]) -> None:
    log.entries[:] = [entry for entry in log.entries if not isinstance(entry, kind)]


def forget(talk: Talk, seq: int) -> None:
    talk.messages[:] = [message for message in talk.messages if message.seq != seq]


def rewrite(evidence: Evidence, seq: int, **changes: object) -> None:
    kept = evidence.truth[TALK].messages
    kept[seq - 1] = replace(kept[seq - 1], **changes)  # type: ignore[arg-type]


def twin(evidence: Evidence) -> None:
    kept = evidence.truth[TALK]
    kept.messages.append(replace(kept.messages[0], message=EVE, seq=5, sent_rev=7, rev=7))
    kept.last_seq, kept.last_rev = 5, 7


def missed(**changes: object) -> Tamper:
    """What Bob was told when he was back, otherwise."""
    page = replace(MISSED, **changes)  # type: ignore[arg-type]
    return lambda evidence: put(evidence.logs[1], MISSED, page)


def late(evidence: Evidence) -> None:
    bob = evidence.logs[1]
    for entry, later in zip(told(11.2, "created", LAST), told(16.3, "created", LAST), strict=True):
        put(bob, entry)
        bob.entries.insert(-1, later)


def eavesdrop(evidence: Evidence) -> None:
    evidence.logs.append(Log("eve-1", EVE, [Read(1.2, TALK, [HI]), CaughtUp(2)]))


def overlook(evidence: Evidence) -> None:
    """What Alice was told she is told later, by a page that the client has asked for."""
    alice = evidence.logs[0]
    event, shown = told(3.2, "created", SO)
    put(alice, event)
    put(alice, shown)
    event, shown = told(4.2, "changed", SO_EDITED)
    hole = Told(4.2, "changed", SO_EDITED, taken=False)
    put(alice, event, hole, Page(4.3, "mended", TALK, 2, 4, [SO_EDITED], taken=True))
    put(alice, shown, Shown(4.3, "created", SO_EDITED))


def overtake(evidence: Evidence) -> None:
    alice = evidence.logs[0]
    first, second = send(1, 1, HI), send(3, 2, SO)
    put(alice, first[1], Answered(1.1, 1, "ok", 3, 3))
    put(alice, second[1], Answered(3.1, 2, "ok", 1, 1))


def swap(evidence: Evidence) -> None:
    alice = evidence.logs[0].entries
    first, second = told(1.2, "created", HI)[1], told(2.2, "created", YES)[1]
    one, other = alice.index(first), alice.index(second)
    alice[one], alice[other] = second, first


def members(at: float, number: int, op: str, whom: UUID) -> list[Entry]:
    """As if the last message were the note of it."""
    asked = Asked(at, number, op, TALK, op_id=LAST.message, whom=whom)
    return [asked, Answered(at, number, "ok", LAST.seq, LAST.rev)]


def without(*events: Entry) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        for event in events:
            put(evidence.logs[0], event)

    return tamper


def twice(event: Entry) -> Tamper:
    return lambda evidence: put(evidence.logs[0], event, event, event)


def drop_asked(log: Log, op: str) -> None:
    log.entries[:] = [
        e
        for e in log.entries
        if not (isinstance(e, Asked) and e.op == op)
        and not (isinstance(e, Answered) and e.number == numbers(log, op))
    ]


def numbers(log: Log, op: str) -> int:
    """Of the one request of this kind."""
    (number,) = [e.number for e in log.entries if isinstance(e, Asked) and e.op == op]
    return number


def drop_last(evidence: Evidence, what: str) -> None:
    """Of what Bob was told of his own."""
    bob = evidence.logs[1]
    last = [e for e in bob.entries if isinstance(e, Owned) and e.what == what][-1]
    put(bob, last)


def retell(evidence: Evidence, seq: int, **changes: object) -> None:
    told = evidence.fresh[BOB].messages[TALK]
    told[seq] = replace(told[seq], **changes)  # type: ignore[arg-type]


def count(listed: int, counted: int, total: int) -> Tamper:
    """What Bob has not read is two."""

    def tamper(evidence: Evidence) -> None:
        fresh = evidence.fresh[BOB]
        fresh.unread, fresh.counted, fresh.total = {TALK: listed}, {TALK: counted}, total

    return tamper


def waits(evidence: Evidence, error: str | None) -> None:
    evidence.truth[TALK].scheduled[stories.LATER] = Scheduled(is_sent=False, error=error)


def expire(evidence: Evidence, seq: int) -> None:
    rewrite(evidence, seq, expires_at=18_000)


TOLD_SO, SHOWN_SO = told(3.2, "created", SO)
TOLD_EDIT, SHOWN_EDIT = told(4.2, "changed", SO_EDITED)


def end_of_bob(entry: Entry) -> Tamper:
    return lambda evidence: evidence.logs[1].entries.insert(-1, entry)


def both(*tampers: Tamper) -> Tamper:
    def tamper(evidence: Evidence) -> None:
        for each in tampers:
            each(evidence)

    return tamper


ANSWER = replace(LAST, reply_to=SO.message, quoted="so")
WRONG: dict[str, tuple[str, Tamper]] = {
    "a lost message": ("every_acknowledged_send_is_kept", lambda e: forget(e.truth[TALK], 4)),
    "somebody who is back without a note": (
        "every_acknowledged_change_of_a_group_is_kept",
        lambda e: e.logs[0].entries.extend(members(20, 9, "add", EVE)),
    ),
    "somebody removed who sees the note": (
        "every_acknowledged_change_of_a_group_is_kept",
        lambda e: e.logs[0].entries.extend(members(20, 9, "remove", BOB)),
    ),
    "a hole on disk": ("seq_is_dense", lambda e: forget(e.truth[TALK], 2)),
    "an edit undone": (
        "every_acknowledged_change_is_kept", lambda e: rewrite(e, 3, rev=3, content="so"),
    ),
    "a deletion undone": (
        "every_acknowledged_change_is_kept", lambda e: rewrite(e, 2, is_deleted=False),
    ),
    "an edit with another content": (
        "every_acknowledged_change_is_kept", lambda e: rewrite(e, 3, content="other"),
    ),
    "a change that was done twice": (
        "every_rev_has_one_change", lambda e: setattr(e.truth[TALK], "last_rev", 7),
    ),
    "a twin of another id": ("retries_make_no_twins", twin),
    "a message that is there twice": (
        "retries_make_no_twins", lambda e: rewrite(e, 2, message=M1),
    ),
    "two answers for one id": (
        "a_retry_is_answered_as_the_first_time",
        lambda e: e.logs[0].entries.extend(send(20, 9, replace(HI, seq=4, rev=6))),
    ),
    "an overtaken message": ("a_senders_order_is_kept", overtake),
    "an event twice": ("nothing_is_told_twice", twice(TOLD_SO)),
    "a change twice": ("nothing_is_told_twice", twice(TOLD_EDIT)),
    "a hole that the client has to mend": ("nothing_is_left_out", overlook),
    "a page from behind a hole": ("pages_and_events_tile", missed(after=3)),
    "a skipped event": ("pages_and_events_tile", without(TOLD_SO)),
    "a skipped change": ("pages_and_events_tile", without(TOLD_EDIT)),
    "an event that was had": ("pages_and_events_tile", twice(TOLD_SO)),
    "who keeps what they left": (
        "pages_and_events_tile", lambda e: e.truth[TALK].intervals.update({BOB: [(1, 5)]}),
    ),
    "a page that is not taken": ("pages_and_events_tile", missed(taken=False)),
    "a device that stays behind": (
        "pages_and_events_tile", without(told(11.2, "created", LAST)[0]),
    ),
    "a page that leaves out": ("pages_hold_all_that_they_cover", missed(messages=[])),
    "a page out of its range": ("pages_hold_all_that_they_cover", missed(upto=3)),
    "a message shown twice": ("each_thing_is_shown_once_and_in_order", twice(SHOWN_SO)),
    "a change shown twice": ("each_thing_is_shown_once_and_in_order", twice(SHOWN_EDIT)),
    "a message not shown": ("each_thing_is_shown_once_and_in_order", without(SHOWN_SO)),
    "messages shown in disorder": ("each_thing_is_shown_once_and_in_order", swap),
    "a hole in history": (
        "history_has_no_hole", end_of_bob(Read(20, TALK, [HI, SO_EDITED])),
    ),
    "a message that never was": (
        "everything_seen_is_kept_as_it_was_seen",
        end_of_bob(Read(20, TALK, [replace(HI, message=EVE)])),
    ),
    "a rev that says two things": (
        "everything_seen_is_kept_as_it_was_seen",
        end_of_bob(Read(20, TALK, [replace(SO, content="else")])),
    ),
    "a rev from the future": (
        "everything_seen_is_kept_as_it_was_seen",
        end_of_bob(Read(20, TALK, [replace(HI, rev=9)])),
    ),
    "an eavesdropper": ("nobody_sees_what_they_may_not", eavesdrop),
    "an old state in the end": (
        "all_see_the_truth_in_the_end", without(*told(5.2, "changed", stories.YES_DELETED)),
    ),
    "a draft that another device does not have": (
        "all_hold_what_a_fresh_client_is_told", lambda e: drop_last(e, "draft"),
    ),
    "a message that is still said to wait": (
        "all_hold_what_a_fresh_client_is_told", lambda e: drop_last(e, "waiting"),
    ),
    "a mood that nobody was told of": (
        "all_hold_what_a_fresh_client_is_told", lambda e: retell(e, 1, moods=(MOOD,)),
    ),
    "a position of before": ("unread_is_exact", lambda e: drop_last(e, "read")),
    "a count that only grows": ("unread_is_exact", count(3, 3, 3)),
    "a list that counts otherwise": ("unread_is_exact", count(1, 2, 2)),
    "a badge that counts otherwise": ("unread_is_exact", count(2, 2, 1)),
    "a pin that its message does not tell of": (
        "pins_are_those_of_the_messages", lambda e: e.fresh[BOB].pins.update({TALK: {1}}),
    ),
    "a position that is lost": (
        "every_acknowledged_position_is_kept", lambda e: e.truth[TALK].positions.update({BOB: 1}),
    ),
    "a scheduled message that is lost": (
        "every_scheduled_message_is_sent_once",
        lambda e: drop_asked(e.logs[1], "unschedule"),
    ),
    "a scheduled message that is taken back and sent": (
        "every_scheduled_message_is_sent_once", lambda e: rewrite(e, 1, message=stories.LATER),
    ),
    "a scheduled message that is sent twice": (
        "every_scheduled_message_is_sent_once",
        both(*(partial(rewrite, seq=seq, message=stories.LATER) for seq in (1, 2))),
    ),
    "a scheduled message that waits for ever": (
        "every_scheduled_message_is_sent_once",
        both(lambda e: drop_asked(e.logs[1], "unschedule"), partial(waits, error=None)),
    ),
    "a scheduled message that fails by our fault": (
        "every_scheduled_message_is_sent_once",
        both(lambda e: drop_asked(e.logs[1], "unschedule"), partial(waits, error="internal")),
    ),
    "what is read after its moment": (
        "nothing_expired_is_read",
        both(partial(expire, seq=3), end_of_bob(Read(20, TALK, [SO_EDITED], asked_at=19))),
    ),
    "what is quoted after its moment": (
        "nothing_expired_is_read",
        both(partial(expire, seq=3), end_of_bob(Read(20, TALK, [ANSWER], asked_at=19))),
    ),
    "a page for somebody who was sent away": (
        "nobody_is_told_what_is_not_theirs",
        lambda e: e.truth[TALK].intervals.update({BOB: [(1, 5)]}),
    ),
    "a page with what was hidden": (
        "nobody_is_told_what_is_not_theirs", lambda e: e.truth[TALK].hides.update({BOB: {1}}),
    ),
    "a late message": ("what_is_acknowledged_is_seen_in_time", late),
    "a message that never comes": (
        "what_is_acknowledged_is_seen_in_time", without(*told(11.2, "created", LAST)),
    ),
    "a reader thrown out": (
        "nobody_is_thrown_out_once_all_is_well", end_of_bob(Interrupted(20, 4002, "slow")),
    ),
    "a client that gives up": ("no_client_gives_up", end_of_bob(Ended(20, "Internal"))),
    "a client that stays away": (
        "everybody_is_back_in_the_end", lambda e: drop(e.logs[1], CaughtUp),
    ),
}  # fmt: skip


def test_a_talk_that_went_well_passes() -> None:
    assert check(stories.evidence()) == []


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_is_found(what: str) -> None:
    demand, tamper = WRONG[what]
    evidence = stories.evidence()
    tamper(evidence)
    assert demand in demands(evidence)


def test_every_invariant_is_broken_by_a_test() -> None:
    """Or by one of test_social_checks.py."""
    demands = {each.__name__ for each in INVARIANTS if each not in social_checks.INVARIANTS}
    assert {demand for demand, _ in WRONG.values()} == demands


def test_what_is_in_doubt_may_be_kept_or_not() -> None:
    evidence = stories.evidence()
    bob = evidence.logs[1]
    answer = change(5, 2, "delete", stories.YES_DELETED)[1]
    assert isinstance(answer, Answered)
    put(bob, answer, Answered(answer.at, answer.number, "in doubt"))
    assert demands(evidence) == set()


def test_a_page_may_begin_before_what_was_had() -> None:
    evidence = stories.evidence()
    missed(after=1, messages=[YES, SO_EDITED])(evidence)
    assert demands(evidence) == set()


def test_who_was_away_from_a_group_is_shown_nothing_of_that_time() -> None:
    evidence = stories.evidence()
    evidence.truth[TALK].intervals[BOB] = [(1, 3), (4, None)]
    found = demands(evidence)
    assert found == {"nobody_sees_what_they_may_not", "nobody_is_told_what_is_not_theirs"}
    bob, told = evidence.logs[1], evidence.fresh[BOB]
    del told.messages[TALK][3]
    told.unread[TALK] = told.counted[TALK] = told.total = 1
    missed(messages=[])(evidence)
    put(bob, Shown(4.6, "created", SO_EDITED))
    assert demands(evidence) == set()


def test_a_reader_who_was_away_has_five_seconds_from_the_return() -> None:
    evidence = stories.evidence()
    bob = evidence.logs[1]
    event, shown = told(11.2, "created", LAST)
    put(bob, event)
    page = Page(25.1, "told", TALK, 5, 6, [LAST], taken=True)
    back = stories.connects(25, "ws://a", 5, page, replace(shown, at=25.1))
    put(bob, shown, Interrupted(11.1, 1006, "broke"), *back)
    assert demands(evidence) == set()


TAIL_FROM, PROMOTED_AT = 2.5, 4.5
ANEW = Connected(6, "ws://a", epoch=2, reset=True)


def failover() -> tuple[Failover, Evidence]:
    """While Alice and Bob talk: what they say before 4.5 s was said in another history, of which
    all was kept but an edit."""
    evidence = stories.evidence()
    for log in evidence.logs:
        at = next(n for n, entry in enumerate(log.entries) if entry.at > 5.5)
        anew: list[Entry] = [Begun(6, TALK, 5), ANEW, CaughtUp(6), Read(6, TALK, [HI, YES, SO])]
        log.entries[at:at] = [Resuming(6, 1, [(TALK, 5)]), *anew]
    story = Failover(cast(Standby, None), TAIL_FROM, PROMOTED_AT)
    kept = evidence.truth[TALK]
    story.taken_over = {TALK: Talk(3, 3, kept.intervals, kept.messages[:3])}
    return story, evidence


def test_a_failover_may_lose_its_tail() -> None:
    story, evidence = failover()
    assert [*story.what_is_lost_is_the_tail(evidence), *story.clients_begin_anew(evidence)] == []
    forget(story.taken_over[TALK], 3)
    found = list(story.what_is_lost_is_the_tail(evidence))
    assert found, "it is there, and was not when the standby took over"
    forget(evidence.truth[TALK], 3)
    evidence.__post_init__()
    assert list(story.what_is_lost_is_the_tail(evidence)) == []


@pytest.mark.parametrize("seq", [1, 4])
def test_a_failover_must_not_lose_what_was_said_before_or_after(seq: int) -> None:
    story, evidence = failover()
    forget(story.taken_over[TALK], seq)
    forget(evidence.truth[TALK], seq)
    evidence.__post_init__()
    assert list(story.what_is_lost_is_the_tail(evidence)) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ANEW, replace(ANEW, reset=False)),
        (Begun(6, TALK, 5), CaughtUp(6)),
    ],
)
def test_a_client_that_goes_on_after_a_failover_is_found(old: Entry, new: Entry) -> None:
    story, evidence = failover()
    put(evidence.logs[0], old, new)
    assert list(story.clients_begin_anew(evidence)) != []


def test_a_log_is_written_as_lines_of_json(tmp_path: Path) -> None:
    log = stories.bob()
    lines = write(log, tmp_path).read_text("utf-8").splitlines()
    assert orjson.loads(lines[0]) == {"device": "bob-1", "user": str(BOB)}
    assert len(lines) == len(log.entries) + 1
    first = orjson.loads(lines[6])
    assert (first["what"], first["kind"], first["message"]["content"]) == ("Told", "created", "hi")
