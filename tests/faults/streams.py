"""Invariants of what clients see: events, pages, and what they are shown in the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from uuid import UUID

from tests.faults.evidence import Evidence, connections, live, short
from tests.faults.log import Entry, Log, Page, Read, Seen, Told
from tests.faults.truth import Talk


def nothing_is_told_twice(evidence: Evidence) -> Iterator[str]:
    """On one connection: a message once when it is new, and once for each change."""
    for log, conversation, events in _lives(evidence):
        had: set[tuple[str, int, int]] = set()
        for event in events:
            rev = event.message.rev if event.kind == "changed" else 0
            key = event.kind, event.message.seq, rev
            if key in had:
                yield f"{log.device} in {short(conversation)}: {_words(event)} a second time"
            had.add(key)


def new_messages_are_told_in_order_without_hole(evidence: Evidence) -> Iterator[str]:
    for log, conversation, events in _lives(evidence):
        created = [event for event in events if event.kind == "created"]
        for before, event in pairwise(created):
            if event.message.seq > before.message.seq + 1:
                what = f"{_words(event)} right after seq {before.message.seq}"
                yield f"{log.device} in {short(conversation)}: {what}"
            elif event.message.seq < before.message.seq:
                what = f"{_words(event)} after seq {before.message.seq}"
                yield f"{log.device} in {short(conversation)}: {what}"


def changes_are_told_in_order_without_hole(evidence: Evidence) -> Iterator[str]:
    """A rev may be passed over only when a later change of the same message has superseded it."""
    for log, conversation, events in _lives(evidence):
        revs = [event.message.rev for event in events]
        if not revs or conversation not in evidence.truth:
            continue
        changed = [event.message.rev for event in events if event.kind == "changed"]
        for before, rev in pairwise(changed):
            if rev < before:
                yield f"{log.device} in {short(conversation)}: change {rev} after change {before}"
        for kept in evidence.truth[conversation].messages:
            if revs[0] < kept.rev < max(revs) and kept.rev not in revs:
                yield (
                    f"{log.device} in {short(conversation)}: told revs from {revs[0]} to"
                    f" {max(revs)} on one connection, and not rev {kept.rev} of seq {kept.seq},"
                    f" which came at {events[0].at:.3f} to {events[-1].at:.3f} s or never"
                )


def pages_hold_all_that_they_cover(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Page) and entry.conversation in evidence.truth:
                for wrong in _page(entry, evidence.truth[entry.conversation]):
                    covers = f"({entry.after}, {entry.upto}]"
                    yield f"{log.device} in {short(entry.conversation)}, page {covers}: {wrong}"


def _page(page: Page, talk: Talk) -> Iterator[str]:
    revs = [seen.rev for seen in page.messages]
    seqs = {seen.seq for seen in page.messages}
    if revs != sorted(set(revs)) or len(seqs) != len(revs):
        yield f"its revs are {revs}"
    if any(not page.after < rev <= page.upto for rev in revs):
        yield f"it has revs out of its range: {revs}"
    if page.upto > talk.last_rev:
        yield f"it goes beyond the newest rev {talk.last_rev}"
    for kept in talk.messages:
        if page.after < kept.rev <= page.upto and kept.rev not in revs:
            yield f"rev {kept.rev} of seq {kept.seq} is not in it"


def pages_and_events_tile(evidence: Evidence) -> Iterator[str]:
    """What the app is shown goes on where it was: neither a hole nor an overlap."""
    for log in evidence.logs:
        had: dict[UUID, int] = {}
        for entry in log.entries:
            if isinstance(entry, Told) and entry.taken:
                conversation, after = entry.message.conversation, entry.message.rev - 1
                upto = entry.message.rev
            elif isinstance(entry, Page) and entry.why != "asked":
                conversation, after, upto = entry.conversation, entry.after, entry.upto
            else:
                continue
            if after != had.get(conversation, 0):
                was = had.get(conversation, 0)
                yield f"{log.device} in {short(conversation)}: rev {was}, then ({after}, {upto}]"
            had[conversation] = upto


def history_has_no_hole(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Read) and entry.messages:
                seqs = [seen.seq for seen in entry.messages]
                if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
                    yield f"{log.device} in {short(entry.conversation)} at {entry.at:.3f}: {seqs}"


def everything_seen_is_kept_as_it_was_seen(evidence: Evidence) -> Iterator[str]:
    """The same rev of a message says the same to everybody; the newest says what is on disk."""
    first: dict[tuple[UUID, int, int], tuple[str, bool]] = {}
    for log, seen in _everything_seen(evidence):
        kept = evidence.by_id.get((seen.conversation, seen.message))
        where = f"{log.device} was shown {seen}"
        if kept is None or (kept.seq, kept.sender) != (seen.seq, seen.sender):
            yield f"{where}; kept is {kept}"
            continue
        says = seen.content, seen.is_deleted
        before = first.setdefault((seen.conversation, seen.seq, seen.rev), says)
        if before != says:
            yield f"{where}; somebody else was shown {before}"
        if not kept.sent_rev <= seen.rev <= kept.rev:
            yield f"{where}; kept is {kept}"
        if seen.rev == kept.rev and says != (kept.content, kept.is_deleted):
            yield f"{where}; kept is {kept}"


def nobody_sees_what_they_may_not(evidence: Evidence) -> Iterator[str]:
    for log, seen in _everything_seen(evidence):
        talk = evidence.truth.get(seen.conversation)
        if talk is None or log.user not in talk.members:
            yield f"{log.device} is no member of {short(seen.conversation)} and was shown {seen}"


def all_see_the_truth_in_the_end(evidence: Evidence) -> Iterator[str]:
    for log in evidence.logs:
        state = _state(log)
        for conversation, talk in evidence.truth.items():
            if log.user not in talk.members:
                continue
            mine = state.get(conversation, {})
            for kept in talk.messages:
                has = mine.get(kept.seq)
                if has is None or (has.rev, has.content) != (kept.rev, kept.content):
                    yield f"{log.device} in {short(conversation)} has {has}; kept is {kept}"


def _state(log: Log) -> dict[UUID, dict[int, Seen]]:
    """What an app shows that takes what it is shown by the rule of the protocol."""
    state: dict[UUID, dict[int, Seen]] = {}
    for entry in log.entries:
        for seen in _given(entry):
            messages = state.setdefault(seen.conversation, {})
            if seen.seq not in messages or seen.rev > messages[seen.seq].rev:
                messages[seen.seq] = seen
    return state


def _given(entry: Entry) -> list[Seen]:
    if isinstance(entry, Told):
        return [entry.message] if entry.taken else []
    if isinstance(entry, Page) and entry.why != "asked":
        return entry.messages
    return []


def _lives(evidence: Evidence) -> Iterator[tuple[Log, UUID, list[Told]]]:
    for log in evidence.logs:
        for entries in connections(log):
            for conversation, events in live(entries).items():
                yield log, conversation, events


def _everything_seen(evidence: Evidence) -> Iterator[tuple[Log, Seen]]:
    for log in evidence.logs:
        for entry in log.entries:
            if isinstance(entry, Told):
                yield log, entry.message
            elif isinstance(entry, Page | Read):
                for seen in entry.messages:
                    yield log, seen


def _words(event: Told) -> str:
    message = event.message
    return f"{event.kind} seq {message.seq} rev {message.rev} at {event.at:.3f} s"
